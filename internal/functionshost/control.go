package functionshost

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/keywarden/keywarden/internal/functionshost/app"
	"github.com/keywarden/keywarden/internal/functionshost/trigger"
	"github.com/keywarden/keywarden/internal/functionshost/worker"
)

// instance finds a living instance by function or group.
func (h *Host) instance(name string, number int) (*instance, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	g, err := h.group(name)
	if err != nil {
		return nil, err
	}
	for _, i := range g.instances {
		if i.number == number {
			return i, nil
		}
	}
	return nil, fmt.Errorf("%s has no instance %d", name, number)
}

// group finds a group by its name or a function's; the lock is held.
func (h *Host) group(name string) (*group, error) {
	if g := h.groups[name]; g != nil {
		return g, nil
	}
	if f, ok := h.app.Function(name); ok && !f.Disabled {
		return h.groups[h.groupName(f)], nil
	}
	return nil, fmt.Errorf("no function or group is called %q", name)
}

// Instances lists the numbers of the living instances of a function or group.
func (h *Host) Instances(name string) []int {
	h.mu.Lock()
	defer h.mu.Unlock()
	g, err := h.group(name)
	if err != nil {
		return nil
	}
	var numbers []int
	for _, i := range g.instances {
		numbers = append(numbers, i.number)
	}
	return numbers
}

// PID is the process of an instance's handler; 0 where none runs.
func (h *Host) PID(name string, number int) int {
	i, err := h.instance(name, number)
	if err != nil {
		return 0
	}
	return i.worker.PID()
}

// Kill ends an instance's handler by SIGKILL. The host around it lives: it
// starts the handler again and retries what was in flight; the third time
// within 30 minutes it stops.
func (h *Host) Kill(name string, number int) error {
	i, err := h.instance(name, number)
	if err != nil {
		return err
	}
	return i.worker.Kill()
}

// Lose ends an instance at once, host and handler: nothing more is written,
// its leases run out, and then others take over from the checkpoints. It may be
// called from Config.Before and After, as may Kill.
func (h *Host) Lose(name string, number int) error {
	i, err := h.instance(name, number)
	if err != nil {
		return err
	}
	i.lose(errLost)
	h.remove(i)
	return i.worker.Kill()
}

// Abandon ends an instance's host and leaves its handler running, as the
// SIGKILL of a host does. It returns the handler's process.
func (h *Host) Abandon(name string, number int) (pid int, err error) {
	i, err := h.instance(name, number)
	if err != nil {
		return 0, err
	}
	pid = i.worker.PID()
	i.lose(worker.ErrAbandoned)
	<-i.ended
	return pid, nil
}

// Remove scales an instance in: it finishes what is in flight and gives its
// partitions back.
func (h *Host) Remove(name string, number int) error {
	i, err := h.instance(name, number)
	if err != nil {
		return err
	}
	i.drain()
	<-i.ended
	return nil
}

// Add starts one more instance, with another package where zip is not empty:
// old and new run side by side, each listening with the sources of the first.
// It returns the instance's number.
func (h *Host) Add(name, zip string) (number int, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	g, err := h.group(name)
	if err != nil {
		return 0, err
	}
	if !h.running {
		return 0, errors.New("the host does not run")
	}
	a, dir := h.app, filepath.Join(h.dir, "0")
	if zip != "" {
		dir = filepath.Join(h.dir, fmt.Sprintf("%s-%d", g.name, g.started))
		if a, err = app.Unpack(zip, dir, h.settings); err != nil {
			return 0, err
		}
	}
	i, err := g.add(h, a, dir)
	if err != nil {
		return 0, err
	}
	return i.number, nil
}

// Partitions lists what a function listens to.
func (h *Host) Partitions(ctx context.Context, function string) ([]string, error) {
	source := h.sources[function]
	if source == nil {
		return nil, fmt.Errorf("function %s listens to nothing", function)
	}
	return source.Partitions(ctx)
}

// Leases is who owns the partitions of a function, as "group-number", and how
// far each is done.
func (h *Host) Leases(function string) map[string]trigger.Lease { return h.store.Leases(function) }

// Move gives a partition to another instance. The old owner learns of it when
// it reads on or looks at its leases: until then both are at it. From the
// first move on, the function's partitions are not balanced any more.
func (h *Host) Move(function, partition string, number int) error {
	i, err := h.instance(function, number)
	if err != nil {
		return err
	}
	l := i.listeners[function]
	if l == nil {
		return fmt.Errorf("function %s listens to nothing", function)
	}
	h.store.Take(function, partition, l.Owner, h.config.Clock.Now().Add(h.config.Term))
	l.Kick()
	return nil
}

// Rewind sets the checkpoint of a partition back (or anywhere; "" = the
// start), and its owner reads from there again. The checkpoints of hubs are
// sequence numbers, those of change feeds continuation tokens.
func (h *Host) Rewind(function, partition, checkpoint string) error {
	if err := h.store.Rewind(function, partition, checkpoint); err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	g, err := h.group(function)
	if err != nil {
		return err
	}
	for _, i := range g.instances {
		if l := i.listeners[function]; l != nil {
			l.Kick()
		}
	}
	return nil
}

// quietEvery is between two looks of WaitQuiet, in the machine's time.
const quietEvery = 10 * time.Millisecond

// WaitQuiet waits until nothing is in flight and the owner of every partition of
// every hub and change feed is done up to its end, wherever a late one has set
// the checkpoint: nothing more would come. Schedules do not count.
func (h *Host) WaitQuiet(ctx context.Context) error {
	for {
		before := h.tries.Load()
		behind, err := h.behind(ctx)
		if err != nil {
			return fmt.Errorf("wait for quiet: %w", err)
		}
		if !behind && h.busy.Load() == 0 && h.tries.Load() == before {
			return nil
		}
		select {
		case <-time.After(quietEvery):
		case <-h.ending:
			return errors.New("wait for quiet: the host has ended")
		case <-ctx.Done():
			return fmt.Errorf("wait for quiet: %w", context.Cause(ctx))
		}
	}
}

// behind reports whether any partition holds more than its owner has done.
func (h *Host) behind(ctx context.Context) (bool, error) {
	for function, source := range h.sources {
		partitions, err := source.Partitions(ctx)
		if err != nil {
			return false, err
		}
		leases := h.store.Leases(function)
		for _, p := range partitions {
			if more, err := source.Behind(ctx, p, leases[p].Done); more || err != nil {
				return more, err
			}
		}
	}
	return false, nil
}
