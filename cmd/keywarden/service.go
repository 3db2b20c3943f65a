package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/handlers/access"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/eventhub"
	"github.com/keywarden/keywarden/internal/web"
)

// Rules of who may ask the API.
const (
	authAppService = "app-service"
	authLoopback   = "loopback"
)

// service is the functions' parts, each made when a function first needs it:
// on Azure every function is a process of its own. What cannot be made is
// tried again with the next invocation.
type service struct {
	platform
	engineOptions
	log *slog.Logger

	namespaces lazyByName[*eventhub.Namespace]
	store      lazy[*backend]
	recorder   lazy[*engine.Recorder]
	publisher  lazy[*eventhub.Publisher]
	taker      lazy[engine.Taker]
	intake     lazy[*engine.Intake]
	judges     lazy[*engine.Judges]
}

// lazy is made when it is first wanted.
type lazy[T any] struct {
	mu   sync.Mutex
	v    T
	made bool
}

// get is what make makes, once it has made it without an error.
func (l *lazy[T]) get(make func() (T, error)) (T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.made {
		return l.v, nil
	}
	v, err := make()
	if err != nil {
		var none T
		return none, err
	}
	l.v, l.made = v, true
	return v, nil
}

// peek is what was made; false where nothing was.
func (l *lazy[T]) peek() (T, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.v, l.made
}

// lazyByName is a lazy for each name.
type lazyByName[T any] struct {
	mu sync.Mutex
	by map[string]*lazy[T]
}

func (l *lazyByName[T]) of(name string) *lazy[T] {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.by == nil {
		l.by = map[string]*lazy[T]{}
	}
	if l.by[name] == nil {
		l.by[name] = new(lazy[T])
	}
	return l.by[name]
}

// backend is the store.
func (s *service) backend(ctx context.Context) (*backend, error) {
	return s.store.get(func() (*backend, error) { return openBackend(ctx, s.Store) })
}

// kept is the store and the recorder of progress in it.
func (s *service) kept(ctx context.Context) (*backend, *engine.Recorder, error) {
	store, err := s.backend(ctx)
	if err != nil {
		return nil, nil, err
	}
	recorder, err := s.recorder.get(func() (*engine.Recorder, error) { return engine.NewRecorder(store) })
	return store, recorder, err
}

// hubOf is a hub of a namespace: of the configured one where host is "" or its
// name, else of another one that records come in by: as --ingress says, or with
// this process's identity where that does not name it.
func (s *service) hubOf(host, name string) (*eventhub.Hub, error) {
	own, err := s.namespaces.of("").get(func() (*eventhub.Namespace, error) {
		return eventhub.Connect(eventhub.Config{Namespace: s.EventHub})
	})
	if err != nil {
		return nil, err
	}
	host, _, _ = strings.Cut(strings.ToLower(host), ":")
	if host == "" || host == own.Name() {
		return own.Hub(name)
	}
	other, err := s.namespaces.of(host).get(func() (*eventhub.Namespace, error) {
		ingress, err := s.ingress()
		if err != nil {
			return nil, err
		}
		return eventhub.Connect(eventhub.Config{Namespace: cmp.Or(ingress[host], host)})
	})
	if err != nil {
		return nil, err
	}
	return other.Hub(name)
}

// usagePublisher sends into the usage hub, whose number of partitions is the one that the state was made for.
func (s *service) usagePublisher(ctx context.Context) (*eventhub.Publisher, error) {
	return s.publisher.get(func() (*eventhub.Publisher, error) {
		store, err := s.backend(ctx)
		if err != nil {
			return nil, err
		}
		hub, err := s.hubOf("", s.UsageHub)
		if err != nil {
			return nil, err
		}
		p, err := hub.Publisher(ctx)
		if err != nil {
			return nil, err
		}
		return p, store.Partitions(ctx, p.Partitions())
	})
}

// takes is what the events of diagnostics hubs go to: the router into the
// usage hub, or the engine in joined mode.
func (s *service) takes(ctx context.Context) (engine.Taker, error) {
	return s.taker.get(func() (engine.Taker, error) {
		if s.UsageHub != "" {
			p, err := s.usagePublisher(ctx)
			if err != nil {
				return nil, err
			}
			return engine.NewRouter(engine.RouterConfig{Publisher: p, Partitions: p.Partitions()})
		}
		store, err := s.backend(ctx)
		if err != nil {
			return nil, err
		}
		if store.joined == nil {
			return nil, errors.New("without a usage hub one process does all, and keeps its state in SQLite: set KEYWARDEN_USAGE_HUB, or KEYWARDEN_STORE to sqlite:PATH")
		}
		e, err := s.engine(engine.Config{Store: store.joined})
		if err != nil {
			return nil, err
		}
		return e.Live(), nil
	})
}

// takesIn is the intake of the diagnostics function.
func (s *service) takesIn(ctx context.Context) (*engine.Intake, error) {
	return s.intake.get(func() (*engine.Intake, error) {
		taker, err := s.takes(ctx)
		if err != nil {
			return nil, err
		}
		store, recorder, err := s.kept(ctx)
		if err != nil {
			return nil, err
		}
		return engine.NewIntake(engine.IntakeConfig{Taker: taker, Letters: store.letters, Recorder: recorder, Log: s.log, Begin: s.begin})
	})
}

// begin is the number of the first event that a partition of a hub "NAMESPACE/NAME" still holds.
func (s *service) begin(ctx context.Context, name, partition string) (int64, error) {
	host, name, _ := strings.Cut(name, "/")
	hub, err := s.hubOf(host, name)
	if err != nil {
		return 0, err
	}
	_, bounds, err := hub.Bounds(ctx, partition)
	return bounds.Begin, err
}

// judgesOf are the judges of the usage hub's partitions.
func (s *service) judgesOf(ctx context.Context) (*engine.Judges, error) {
	return s.judges.get(func() (*engine.Judges, error) {
		store, recorder, err := s.kept(ctx)
		if err != nil {
			return nil, err
		}
		if err := store.checkShared(ctx); err != nil {
			return nil, err
		}
		hub, err := s.hubOf("", s.UsageHub)
		if err != nil {
			return nil, err
		}
		properties, err := hub.Properties(ctx)
		if err != nil {
			return nil, err
		}
		if err := store.Partitions(ctx, len(properties.Partitions)); err != nil {
			return nil, err
		}
		e, err := s.engine(engine.Config{Store: engine.NewMemory()})
		if err != nil {
			return nil, err
		}
		publisher, err := s.usagePublisher(ctx)
		if err != nil {
			return nil, err
		}
		return e.Judges(engine.JudgesConfig{
			Ledger: store, Reader: hub.Reader(s.RecoveryGroup), Partitions: len(properties.Partitions), Publisher: publisher, Flush: s.Flush,
			Letters: store.letters, Recorder: recorder, Spent: store.spent, Log: s.log,
		})
	})
}

// diagnose takes events of a diagnostics hub in.
func (s *service) diagnose(ctx context.Context, b eventhub.Batch) error {
	intake, err := s.takesIn(ctx)
	if err != nil {
		return err
	}
	return intake.Take(ctx, time.Now(), b.Hub.Name, b.Source(), b.HubEvents())
}

// judge folds events of the usage hub.
func (s *service) judge(ctx context.Context, b eventhub.Batch) error {
	judges, err := s.judgesOf(ctx)
	if err != nil {
		return err
	}
	arrived := detectors.Time(0)
	if last := b.Events[len(b.Events)-1].Enqueued; !last.IsZero() {
		arrived = detectors.TimeOf(last)
	}
	return judges.Take(ctx, time.Now(), b.Log(), arrived, b.LogEvents())
}

// sweep tells the log that time has passed, and looks how far the partitions go.
func (s *service) sweep(ctx context.Context, now time.Time) error {
	_, recorder, err := s.kept(ctx)
	if err != nil {
		return err
	}
	if err := s.tick(ctx, now); err != nil {
		return err
	}
	step := engine.Step{At: detectors.TimeOf(now), Ends: []engine.End{}}
	for _, of := range []struct{ function, hub string }{{engine.DiagnosticsFunction, s.DiagnosticsHub}, {engine.UsageFunction, s.UsageHub}} {
		if of.hub == "" {
			continue
		}
		ends, err := s.ends(ctx, of.function, of.hub, step.At)
		if err != nil {
			return err
		}
		step.Ends = append(step.Ends, ends...)
	}
	return recorder.Record(ctx, engine.ProgressKey{Function: engine.SweepFunction}, step)
}

func (s *service) tick(ctx context.Context, now time.Time) error {
	if s.UsageHub != "" {
		p, err := s.usagePublisher(ctx)
		if err != nil {
			return err
		}
		heard, err := s.heard(ctx)
		if err != nil {
			return err
		}
		return p.Tick(ctx, now, heard)
	}
	taker, err := s.takes(ctx)
	if err != nil {
		return err
	}
	return taker.(*engine.Live).Tick(ctx, detectors.TimeOf(now))
}

// heard is the latest time that a record was logged at, of those that were sent
// to the usage hub.
func (s *service) heard(ctx context.Context) (heard detectors.Time, err error) {
	store, err := s.backend(ctx)
	if err != nil {
		return 0, err
	}
	all, err := store.AllProgress(ctx)
	if err != nil {
		return 0, err
	}
	for i := range all {
		if all[i].Function == engine.DiagnosticsFunction {
			heard = max(heard, all[i].Logged)
		}
	}
	return heard, nil
}

// ends is how far the partitions of a hub go.
func (s *service) ends(ctx context.Context, function, name string, now detectors.Time) ([]engine.End, error) {
	hub, err := s.hubOf("", name)
	if err != nil {
		return nil, err
	}
	properties, err := hub.Properties(ctx)
	if err != nil {
		return nil, err
	}
	var all []engine.End
	for _, partition := range properties.Partitions {
		_, bounds, err := hub.Bounds(ctx, partition)
		if err != nil {
			return nil, err
		}
		last := bounds.Next - 1
		if bounds.Begin == bounds.Next {
			last = -1
		}
		all = append(all, engine.End{ProgressKey: engine.ProgressKey{Function: function, Hub: properties.Name, Partition: partition}, Look: engine.Look{Sequence: last, Looked: now}})
	}
	return all, nil
}

// api is the analysts' API over the store.
func (s *service) api(ctx context.Context, rule access.Rule) (http.Handler, error) {
	store, err := s.backend(ctx)
	if err != nil {
		return nil, err
	}
	expected := []string{engine.DiagnosticsFunction, engine.SweepFunction}
	if s.UsageHub != "" {
		expected = append(expected, engine.UsageFunction)
	}
	return web.New(web.Config{
		Incidents: store.incidents, Progress: store, Expected: expected, Now: time.Now, Log: s.log,
		Authorize: func(r *http.Request) (web.Identity, error) {
			analyst, err := rule(r)
			if errors.Is(err, access.ErrUnknown) {
				err = fmt.Errorf("%w: %w", web.ErrUnauthenticated, err)
			}
			return web.Identity{ID: analyst.ID, Name: analyst.Name, Roles: analyst.Roles}, err
		},
	})
}

// end saves what is in memory and closes what was opened.
func (s *service) end(ctx context.Context) error {
	var errs []error
	if judges, made := s.judges.peek(); made {
		errs = append(errs, judges.Save(ctx, time.Now()))
	}
	if taker, made := s.taker.peek(); made {
		if live, joined := taker.(*engine.Live); joined {
			live.Close()
		}
	}
	if recorder, made := s.recorder.peek(); made {
		errs = append(errs, recorder.Flush(ctx))
	}
	for _, namespace := range s.namespaces.by {
		if n, made := namespace.peek(); made {
			errs = append(errs, n.Close(ctx))
		}
	}
	if store, made := s.store.peek(); made {
		errs = append(errs, store.close())
	}
	return errors.Join(errs...)
}
