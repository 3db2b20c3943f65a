// Package engine is the path of a record after it was read: it joins fragments
// into calls, judges every call by every detector, lets profiles learn, and
// fuses what was found into incidents.
//
// [Engine.Replay] runs the whole path in one process (joined mode):
//
//	read      streams cut into blocks of whole records           source.go
//	decode    blocks to fragments, in parallel; located           decode.go
//	order     one log: merged by hour, with a clock of its own    order.go
//	assemble  duplicates dropped, fragments joined                joins.go
//	judge     one worker per resource: first judge, then learn    resource.go
//	commit    positions, states and incidents in one transaction  run.go, state.go
//
// What a resource's state becomes depends on the log of that resource and on
// the log's clock alone. So the incidents are the same for any number of
// workers, any cut into batches, and any kill: after one, Replay starts over
// at the last commit. No part of it reads a clock of this machine.
package engine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"runtime"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/incident"
)

// Config is what an Engine is made of. Detectors, Locate, Prices and Store are required.
type Config struct {
	Detectors []*detectors.Detector
	Locate    func(addr netip.Addr, bits int) detectors.Network
	Prices    *incident.Prices
	Store     Store

	Workers     int   // goroutines that judge; GOMAXPROCS where 0
	Memory      int64 // bytes that states in memory may take, roughly; 1 GiB where 0
	CommitEvery int   // fragments between two commits; 1 Mi where 0

	// Scale replaces the embedded calibration; nil keeps it.
	Scale func(detectors.Principal) *detectors.Scale

	// Quiet: incidents are kept, but marked as suppressed. So a baseline is
	// warmed with an archive and nobody is alarmed.
	Quiet bool

	// Progress, where set, is told how many bytes of the inputs were read (as
	// stored, compressed or not). It is called from several goroutines.
	Progress func(bytes int64)
}

// Engine judges logs. It is good for one Replay at a time.
type Engine struct{ Config }

// New makes an engine, or says what is missing.
func New(c Config) (*Engine, error) {
	switch {
	case len(c.Detectors) == 0:
		return nil, errors.New("engine: no detectors: pass all.Detectors()")
	case c.Locate == nil:
		return nil, errors.New("engine: no Locate: pass that of geo.Tables")
	case c.Prices == nil:
		return nil, errors.New("engine: no prices: pass incident.ListPrices()")
	case c.Store == nil:
		return nil, errors.New("engine: no store: pass engine.NewMemory() or a sqlite.Store")
	case c.Workers < 0, c.Memory < 0, c.CommitEvery < 0:
		return nil, fmt.Errorf("engine: workers %d, memory %d, commit every %d: none may be negative", c.Workers, c.Memory, c.CommitEvery)
	}
	if c.Workers == 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	if c.Memory == 0 {
		c.Memory = 1 << 30
	}
	if c.CommitEvery == 0 {
		c.CommitEvery = 1 << 20
	}
	return &Engine{c}, nil
}

// Replay takes the logs of the groups in their order into the store. The
// sources of one group are merged by the time of their records. What was taken
// in by an earlier Replay is passed over.
//
// A source that cannot be read (to its end) is in the report, and the rest is
// still taken in. Replay fails where the store does, and with the context's
// error where that ends; what was committed by then stays.
func (e *Engine) Replay(ctx context.Context, groups [][]Source) (Report, error) {
	r, err := newRun(ctx, e)
	if err != nil {
		return Report{}, err
	}
	err = r.take(ctx, groups)
	r.stop()
	return r.result, err
}
