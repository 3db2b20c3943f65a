package web

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
)

// coverage is what is watched and what is not: whether the system is in order,
// what each function does, which resources it has met, and which parts of the
// log nobody judged.
type coverage struct {
	Time      detectors.Time    `json:"time"`
	Status    string            `json:"status"` // ok or degraded
	Reasons   []engine.Reason   `json:"reasons"`
	Functions []engine.Progress `json:"functions"`
	Gaps      []gap             `json:"gaps"` // the latest first
	Resources []resource        `json:"resources"`
	LeftOut   int64             `json:"leftOut"` // resources that were met and that there was no room to list
}

// gap is a part of a log that is gone and was not judged.
type gap struct {
	engine.ProgressKey
	engine.LostGap
}

// resource is one that records came from.
type resource struct {
	Resource string `json:"resource"`
	engine.Watched
}

const (
	statusOK       = "ok"
	statusDegraded = "degraded"
)

func (s *server) coverage(r *http.Request) (answer, error) {
	now := detectors.TimeOf(s.Now())
	all, err := s.Progress.AllProgress(r.Context())
	if err != nil {
		return answer{}, err
	}
	health := engine.HealthOf(now, all, s.Expected...)
	return document(http.StatusOK, cover(now, health, all)), nil
}

func cover(now detectors.Time, health engine.Health, all []engine.Progress) coverage {
	c := coverage{
		Time: now, Status: statusOf(health), Reasons: append([]engine.Reason{}, health.Reasons...),
		Functions: []engine.Progress{}, Gaps: []gap{}, Resources: []resource{},
	}
	for _, p := range all {
		if p.Function == engine.WatchFunction {
			c.LeftOut += p.LeftOut
			for id, w := range p.Resources {
				c.Resources = append(c.Resources, resource{id, w})
			}
			continue
		}
		for _, g := range p.Gaps {
			c.Gaps = append(c.Gaps, gap{p.ProgressKey, g})
		}
		p.Gaps = nil // they stand once, together
		c.Functions = append(c.Functions, p)
	}
	slices.SortFunc(c.Functions, func(a, b engine.Progress) int { return compareKeys(a.ProgressKey, b.ProgressKey) })
	slices.SortFunc(c.Resources, func(a, b resource) int { return strings.Compare(a.Resource, b.Resource) })
	slices.SortFunc(c.Gaps, func(a, b gap) int {
		return cmp.Or(cmp.Compare(b.Found, a.Found), compareKeys(a.ProgressKey, b.ProgressKey), cmp.Compare(a.From, b.From))
	})
	return c
}

// compareKeys orders by function, hub and partition, numbers by their value.
func compareKeys(a, b engine.ProgressKey) int {
	return cmp.Or(strings.Compare(a.Function, b.Function), strings.Compare(a.Hub, b.Hub),
		cmp.Compare(len(a.Partition), len(b.Partition)), strings.Compare(a.Partition, b.Partition))
}

func statusOf(h engine.Health) string {
	if h.Degraded {
		return statusDegraded
	}
	return statusOK
}

// healthz answers in one word whether the system is in order, and 503 where it
// is not, also to those who may not know more. Readers are told why.
func (s *server) healthz(r *http.Request) (answer, error) {
	var told struct {
		Status  string          `json:"status"`
		Reasons []engine.Reason `json:"reasons,omitempty"`
	}
	health, err := s.health(r.Context())
	if err != nil {
		s.problem(r, err) // the log has it
		health = engine.Health{Degraded: true}
	}
	told.Status = statusOf(health)
	if s.require(r, Reader) == nil {
		told.Reasons = health.Reasons
	}
	if health.Degraded {
		return document(http.StatusServiceUnavailable, told), nil
	}
	return document(http.StatusOK, told), nil
}

// healthKept is how long a health is told again: anybody may ask, and reading costs.
const healthKept = 10 * detectors.Second

// checked is a health, and when it was looked at.
type checked struct {
	mu     sync.Mutex
	at     detectors.Time // 0 for never
	health engine.Health
}

// health is that of a moment ago, or of now.
func (s *server) health(ctx context.Context) (engine.Health, error) {
	c := &s.checked
	c.mu.Lock()
	defer c.mu.Unlock()
	now := detectors.TimeOf(s.Now())
	if c.at != 0 && now >= c.at && now-c.at < healthKept {
		return c.health, nil
	}
	all, err := s.Progress.AllProgress(ctx)
	if err != nil {
		return engine.Health{}, err
	}
	c.at, c.health = now, engine.HealthOf(now, all, s.Expected...)
	return c.health, nil
}
