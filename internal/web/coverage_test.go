package web_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/web"
)

var (
	at    = detectors.TimeOf(noon)
	usage = engine.ProgressKey{Function: engine.UsageFunction, Hub: "ns/usage", Partition: "3"}
	watch = engine.ProgressKey{Function: engine.WatchFunction, Hub: "ns/usage", Partition: "3"}
)

func TestCoverage(t *testing.T) {
	a := newAPI(t, func(c *web.Config) { c.Expected = []string{engine.UsageFunction} })
	a.progress(t, usage, engine.Step{At: at - detectors.Minute, Sequence: 12, Calls: 5, Gaps: []engine.Gap{{From: 3, To: 9}}})
	other := usage
	other.Partition = "10"
	a.progress(t, other, engine.Step{At: at - detectors.Minute, Gaps: []engine.Gap{{From: 1, To: 2}}})
	a.progress(t, watch, engine.Step{At: at, Resources: map[string]engine.Watched{
		"/r/b": {Since: at - detectors.Day, Last: at + detectors.Minute, Principals: 4}, "/r/a": {Since: at, Last: at},
	}})
	w := a.ask("GET", "/api/coverage")
	got := decode[struct {
		Time      string
		Status    string
		Reasons   []struct{ Reason, Function, Hub, Partition, Text string }
		Functions []struct {
			Function, Partition, Last string
			Total                     struct{ Calls int }
		}
		Gaps []struct {
			Partition string
			From, To  int
		}
		Resources []struct {
			Resource, Since, LastSeen string
			Principals                int
		}
		LeftOut *int
	}](t, w)
	if w.Code != 200 || got.Time != "2026-09-04T12:00:00Z" || got.Status != "degraded" || got.LeftOut == nil {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	if len(got.Reasons) != 2 || got.Reasons[0].Reason != engine.ReasonGap || got.Reasons[0].Partition != "3" || got.Reasons[0].Text == "" {
		t.Errorf("reasons %+v", got.Reasons)
	}
	if len(got.Functions) != 2 || got.Functions[0].Partition != "3" || got.Functions[0].Total.Calls != 5 || got.Functions[0].Last != "2026-09-04T11:59:00Z" {
		t.Errorf("functions %+v", got.Functions)
	}
	if len(got.Gaps) != 2 || got.Gaps[0].From != 3 || got.Gaps[0].To != 9 || got.Gaps[1].Partition != "10" {
		t.Errorf("gaps %+v", got.Gaps)
	}
	resources := got.Resources
	if len(resources) != 2 || resources[0].Resource != "/r/a" || resources[1].Since != "2026-09-03T12:00:00Z" || resources[1].LastSeen != "2026-09-04T12:00:00Z" || resources[1].Principals != 4 {
		t.Errorf("resources %+v", resources)
	}
}

func TestCoverage_of_nothing_has_empty_lists(t *testing.T) {
	body := newAPI(t, nil).ask("GET", "/api/coverage").Body.String()
	want := `{"time":"2026-09-04T12:00:00Z","status":"ok","reasons":[],"functions":[],"gaps":[],"resources":[],"leftOut":0}`
	if d := cmp.Diff(want, strings.TrimSpace(body)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// Whoever asks learns whether the system is in order, and only readers why.
func TestHealthz(t *testing.T) {
	a := newAPI(t, func(c *web.Config) { c.Expected = []string{engine.UsageFunction} })
	ask := func(who string, status int, body string) {
		t.Helper()
		w := a.ask("GET", "/api/healthz", "Who", who)
		if got := strings.TrimSpace(w.Body.String()); w.Code != status || got != body {
			t.Errorf("%q: %d %s, want %d %s", who, w.Code, got, status, body)
		}
	}
	for _, who := range []string{"", "Keywarden.Other", "broken"} {
		ask(who, 503, `{"status":"degraded"}`)
	}
	if w := a.ask("GET", "/api/healthz"); w.Code != 503 || !strings.Contains(w.Body.String(), engine.ReasonNoProgress) {
		t.Errorf("a reader: %d %s", w.Code, w.Body)
	}
	a.progress(t, usage, engine.Step{At: at})
	ask("", 503, `{"status":"degraded"}`) // what was so a moment ago
	a.now = a.now.Add(10e9)
	ask("", 200, `{"status":"ok"}`)
	ask(web.Reader, 200, `{"status":"ok"}`)
}

// dark is a store that cannot be read.
type dark struct{ web.Progress }

func (dark) AllProgress(context.Context) ([]engine.Progress, error) {
	return nil, errors.New("no route to host secret-host")
}

func TestHealthz_without_a_store(t *testing.T) {
	a := newAPI(t, func(c *web.Config) { c.Progress = dark{} })
	w := a.ask("GET", "/api/healthz")
	if w.Code != 503 || strings.TrimSpace(w.Body.String()) != `{"status":"degraded"}` || !strings.Contains(a.log.String(), "secret-host") {
		t.Errorf("%d %s, log %s", w.Code, w.Body, a.log.String())
	}
	if w := a.ask("GET", "/api/coverage"); w.Code != 500 || strings.Contains(w.Body.String(), "secret-host") {
		t.Errorf("coverage: %d %s", w.Code, w.Body)
	}
}
