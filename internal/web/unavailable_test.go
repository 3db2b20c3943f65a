package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/incident"
	"github.com/keywarden/keywarden/internal/web"
)

// failing is a store that answers nothing.
type failing struct{ err error }

func (f failing) List(context.Context, incident.Query) (incident.Page, error) {
	return incident.Page{}, f.err
}
func (f failing) Get(context.Context, string) (*incident.Incident, error) { return nil, f.err }
func (f failing) AllProgress(context.Context) ([]engine.Progress, error)  { return nil, f.err }

// A database that puts requests off is no fault of this program: whoever asks
// is told what it is, and when to ask again.
func TestStore_that_does_not_answer(t *testing.T) {
	for name, test := range map[string]struct {
		err        error
		status     int
		code, says string
	}{
		"throttled":   {engine.ErrThrottled, 503, "throttled", "throughput"},
		"unavailable": {engine.ErrUnavailable, 503, "unavailable", "does not answer now"},
		"late":        {fmt.Errorf("%w: %w", engine.ErrUnavailable, context.DeadlineExceeded), 503, "unavailable", "does not answer now"},
		"broken":      {errors.New("broken"), 500, "internal", "log"},
	} {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, func(c *web.Config) {
				store := failing{fmt.Errorf("cosmos: read secret-host: %w", test.err)}
				c.Incidents, c.Progress = store, store
			})
			for _, target := range []string{"/api/incidents", "/api/incidents/2026-0123456789abcdef", "/api/coverage"} {
				w := a.ask(http.MethodGet, target)
				got := decode[problem](t, w)
				if w.Code != test.status || got.Code != test.code || !strings.Contains(got.Detail, test.says) || strings.Contains(w.Body.String(), "secret-host") {
					t.Errorf("%s: %d %+v", target, w.Code, got)
				}
				if (w.Header().Get("Retry-After") != "") != (test.status == 503) {
					t.Errorf("%s: Retry-After %q", target, w.Header().Get("Retry-After"))
				}
			}
			if n := strings.Count(a.log.String(), "secret-host"); n != 3 {
				t.Errorf("the log says %d times what failed, want 3: %s", n, a.log.String())
			}
			if w := a.ask(http.MethodGet, "/api/healthz"); w.Code != 503 || !strings.Contains(w.Body.String(), "degraded") {
				t.Errorf("healthz: %d %s", w.Code, w.Body)
			}
		})
	}
}
