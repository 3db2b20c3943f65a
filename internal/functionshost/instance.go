package functionshost

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keywarden/keywarden/internal/functionshost/app"
	"github.com/keywarden/keywarden/internal/functionshost/clock"
	"github.com/keywarden/keywarden/internal/functionshost/invocation"
	"github.com/keywarden/keywarden/internal/functionshost/trigger"
	"github.com/keywarden/keywarden/internal/functionshost/worker"
)

// errLost is the end of an instance that is gone at once, host and handler.
var errLost = errors.New("the instance is lost")

// group is the instances that run the same functions.
type group struct {
	name      string
	functions []string
	instances []*instance // those that live
	started   int
	turn      int // of the next request
}

// instance is a process of the handler and the host around it.
type instance struct {
	host   *Host
	group  *group
	number int
	app    *app.App
	worker *worker.Worker

	listeners map[string]*trigger.Listener // by function

	hard     context.Context // ends when the instance is lost
	lose     context.CancelCauseFunc
	soft     context.Context // ends when it drains; derived from hard
	drain    context.CancelFunc
	requests sync.WaitGroup // proxied and admin invocations in flight
	killing  atomic.Bool    // functionTimeout was reached, the handler is about to be killed
	ended    chan struct{}
}

// add starts an instance of the group with a package; the host's lock is held.
func (g *group) add(h *Host, a *app.App, dir string) (*instance, error) {
	i := &instance{host: h, group: g, number: g.started, app: a, listeners: map[string]*trigger.Listener{}, ended: make(chan struct{})}
	env := append([]string(nil), h.config.Env...)
	if h.config.InstanceEnv != nil {
		env = append(env, h.config.InstanceEnv(g.name, i.number)...)
	}
	var err error
	i.worker, err = worker.New(worker.Config{Dir: dir, Executable: filepath.FromSlash(a.Host.Executable), Arguments: a.Host.Arguments, Env: env,
		ID: invocation.NewID(), InitTimeout: a.Host.InitTimeout, Clock: h.config.Clock, Log: func(l worker.Line) { i.log("", l) }})
	if err != nil {
		return nil, err
	}
	i.hard, i.lose = context.WithCancelCause(context.Background())
	i.soft, i.drain = context.WithCancel(i.hard)
	for _, name := range g.functions {
		if f, ok := a.Function(name); ok && !f.IsHTTP() && !f.Disabled {
			i.listeners[name] = i.listener(f)
			i.listeners[name].Start()
		}
	}
	g.started++
	g.instances = append(g.instances, i)
	h.all.Go(i.run)
	return i, nil
}

func (i *instance) name() string { return fmt.Sprintf("%s-%d", i.group.name, i.number) }

func (i *instance) log(id string, l worker.Line) {
	i.host.config.Log(Line{Group: i.group.name, Instance: i.number, Invocation: id, Line: l})
}

func (i *instance) listener(f app.Function) *trigger.Listener {
	c := i.host.config
	return &trigger.Listener{Function: f.Name, Owner: i.name(), Source: i.host.sources[f.Name], Store: i.host.store, Clock: c.Clock,
		Balance: c.Balance, Term: c.Term, CheckpointEvery: i.checkpointEvery(f),
		Limit: func(partition string) int {
			if c.Limit != nil {
				return max(c.Limit(f.Name, partition), 1)
			}
			return i.app.Host.MaxBatch
		},
		Log: func(text string) { i.log("", worker.Line{Level: worker.Warning, Text: text}) },
		Dispatch: func(ctx, mine context.Context, partition string, b trigger.Batch) bool {
			return i.dispatch(ctx, mine, f, partition, b)
		}}
}

// checkpointEvery is how many batches lie between two checkpoints.
func (i *instance) checkpointEvery(f app.Function) int {
	if f.Trigger.Type == app.EventHub {
		return i.app.Host.CheckpointEvery
	}
	return 1
}

// run runs the instance to its end: drained, lost, or given up by its host.
func (i *instance) run() {
	defer close(i.ended)
	gaveUp := make(chan error, 1)
	go func() {
		gaveUp <- i.worker.Run(i.hard)
		i.lose(errLost) // nothing more can be invoked
	}()
	var listening sync.WaitGroup
	for _, l := range i.listeners {
		listening.Go(func() { l.Run(i.hard, i.soft) })
	}
	<-i.soft.Done()
	finished, cancel := clock.WithTimeout(i.hard, i.host.config.Clock, i.patience(), errLost)
	context.AfterFunc(finished, func() { i.lose(context.Cause(finished)) })
	listening.Wait()
	i.host.remove(i)
	i.requests.Wait()
	cancel()
	i.lose(errLost)
	if err := <-gaveUp; err != nil {
		i.host.gaveUp(i, err)
	}
}

// patience is how long a draining instance waits for what is in flight.
func (i *instance) patience() time.Duration {
	if d := i.host.config.Drain; d > 0 {
		return d
	}
	if d := i.app.Host.FunctionTimeout; d > 0 {
		return d
	}
	return 24 * time.Hour
}

// remove takes an instance out of its group.
func (h *Host) remove(gone *instance) {
	h.mu.Lock()
	defer h.mu.Unlock()
	var kept []*instance
	for _, i := range gone.group.instances {
		if i != gone {
			kept = append(kept, i)
		}
	}
	gone.group.instances = kept
}

// gaveUp ends Run, or puts another in the place of an instance whose host gave up.
func (h *Host) gaveUp(i *instance, err error) {
	i.log("", worker.Line{Level: worker.Error, Text: err.Error()})
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.running {
		return
	}
	if h.config.Replace && errors.Is(err, worker.ErrStopped) {
		_, err = i.group.add(h, h.app, filepath.Join(h.dir, "0"))
	}
	if err != nil {
		h.fail(fmt.Errorf("instance %s: %w", i.name(), err))
	}
}
