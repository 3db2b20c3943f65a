package engine

import (
	"net/netip"
	"sync"
	"sync/atomic"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
)

// job is a block to decode, and where to put the result.
type job struct {
	block  azurelog.Block
	result chan<- *decoded
}

// decoded is a decoded block. It goes back to the pool when the last worker is
// done with it.
type decoded struct {
	fragments []azurelog.Fragment
	workers   []uint32 // by fragment: whose resource it is
	poison    []azurelog.Poison
	end       int64 // offset after the block
	users     atomic.Int32
}

var decodedPool = sync.Pool{New: func() any { return new(decoded) }}

// done says that a user of d needs it no more.
func (d *decoded) done() {
	if d.users.Add(-1) == 0 {
		clear(d.fragments)
		d.fragments, d.workers, d.poison = d.fragments[:0], d.workers[:0], nil
		decodedPool.Put(d)
	}
}

// decode decodes and locates until there are no more jobs.
func (r *run) decode() {
	decoder := azurelog.NewDecoder()
	for j := range r.jobs {
		j.result <- r.decoded(decoder, j.block)
	}
	r.mu.Lock()
	r.counts.Merge(decoder.Counts())
	r.mu.Unlock()
}

// decoded is a block decoded, with one user, and every fragment located. The
// block is released.
func (r *run) decoded(decoder *azurelog.Decoder, b azurelog.Block) *decoded {
	d := decodedPool.Get().(*decoded)
	d.fragments, d.poison = decoder.Decode(d.fragments, b)
	d.users.Store(1)
	d.end = endOf(&b)
	for i := range d.fragments {
		f := &d.fragments[i]
		locate(f, r.Locate)
		d.workers = append(d.workers, r.workerOf(f.Resource))
	}
	b.Release()
	return d
}

func locate(f *azurelog.Fragment, at func(netip.Addr, int) detectors.Network) {
	if f.Bits == 0 {
		return
	}
	n := at(f.Address, f.Bits)
	if f.Act != nil {
		f.Act.From = n
	} else {
		f.Call.From = n
	}
}
