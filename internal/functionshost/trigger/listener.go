package trigger

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/keywarden/keywarden/internal/functionshost/clock"
)

// The times of the host's Event Hubs and Cosmos DB triggers.
const (
	DefaultBalance = 10 * time.Second // between two looks at the leases
	DefaultTerm    = 30 * time.Second // how long a lease lasts that is not renewed
	retryDelay     = time.Second      // until a partition is read again whose reading ended
)

// Listener is one instance's listening for one function.
type Listener struct {
	Function        string // whose leases and checkpoints these are
	Owner           string // the instance
	Source          Source
	Store           *Store
	Clock           clock.Clock
	Balance, Term   time.Duration
	CheckpointEvery int                        // batches
	Limit           func(partition string) int // of the next batch
	Log             func(text string)

	// Dispatch hands a batch to the function, with all retries, and reports
	// whether it is done with: it succeeded or its retries are used up. No
	// retry begins after mine has ended; what was sent goes on until ctx ends.
	Dispatch func(ctx, mine context.Context, partition string, b Batch) bool

	kick chan struct{}
}

// Start makes the listener ready for Run and announces the owner.
func (l *Listener) Start() {
	l.kick = make(chan struct{}, 1)
	l.Store.Join(l.Function, l.Owner, l.Clock.Now())
}

// Kick makes the listener look at its leases now.
func (l *Listener) Kick() {
	select {
	case l.kick <- struct{}{}:
	default: // a look is due anyway
	}
}

// Run listens until drain ends, finishes what it dispatched and gives its
// leases back. When ctx ends it stops at once and leaves them to expire, as
// an instance that is lost does. drain must be derived from ctx.
func (l *Listener) Run(ctx, drain context.Context) {
	pumps := map[string]*pump{}
	var all sync.WaitGroup
	for drain.Err() == nil {
		l.look(ctx, drain, pumps, &all)
		l.pause(drain)
	}
	all.Wait()
	if ctx.Err() == nil {
		l.Store.Leave(l.Function, l.Owner)
	}
}

// pause waits for the next look.
func (l *Listener) pause(drain context.Context) {
	waiting, stop := clock.WithTimeout(drain, l.Clock, l.Balance, nil)
	defer stop()
	select {
	case <-l.kick:
	case <-waiting.Done():
	}
}

// pump is the reading of one partition.
type pump struct {
	epoch int
	lose  context.CancelCauseFunc
	ended chan struct{}
}

func (p *pump) running() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// look renews and claims leases, ends the pumps of lost ones and starts those
// of new ones.
func (l *Listener) look(ctx, drain context.Context, pumps map[string]*pump, all *sync.WaitGroup) {
	partitions, err := l.Source.Partitions(drain)
	if err != nil {
		if drain.Err() == nil {
			l.Log(fmt.Sprintf("list the partitions of %s: %v", l.Function, err))
		}
		return
	}
	mine := l.Store.Balance(l.Function, l.Owner, partitions, l.Clock.Now(), l.Term)
	for partition, p := range pumps {
		lease, still := mine[partition]
		if !still || lease.Epoch != p.epoch {
			p.lose(ErrLost)
		}
		if !p.running() {
			delete(pumps, partition)
		}
	}
	for partition, lease := range mine {
		if pumps[partition] != nil {
			continue // it runs, or has not ended yet
		}
		reading, lose := context.WithCancelCause(drain)
		p := &pump{epoch: lease.Epoch, lose: lose, ended: make(chan struct{})}
		pumps[partition] = p
		all.Go(func() {
			defer l.Kick()
			defer close(p.ended)
			defer lose(nil)
			if err := l.pump(ctx, reading, partition, lease); err != nil && reading.Err() == nil {
				l.Log(fmt.Sprintf("read partition %s of %s: %v", partition, l.Function, err))
			}
			_ = l.Clock.Sleep(reading, retryDelay) // at once where the partition was lost
		})
	}
}

// pump reads a partition until it is lost or the listener drains.
func (l *Listener) pump(ctx, mine context.Context, partition string, lease Lease) error {
	reader, err := l.Source.Open(mine, partition, lease.Checkpoint, l.Owner)
	if err != nil {
		return err
	}
	defer reader.Close()
	l.Store.Begin(l.Function, partition, l.Owner, lease.Checkpoint, lease.Epoch)
	defer l.Store.End(l.Function, partition, l.Owner)
	for batches := 1; ; batches++ {
		b, err := reader.Next(mine, l.Limit(partition))
		if errors.Is(err, ErrLost) {
			return nil
		}
		if err != nil {
			return err
		}
		if b.Len() > 0 && !l.Dispatch(ctx, mine, partition, b) {
			return nil
		}
		if ctx.Err() != nil || errors.Is(context.Cause(mine), ErrLost) {
			return nil
		}
		if batches%max(l.CheckpointEvery, 1) != 0 && b.Len() > 0 {
			continue
		}
		if err := l.Store.Checkpoint(l.Function, partition, l.Owner, b.Checkpoint, lease.Epoch); err != nil {
			return err
		}
	}
}
