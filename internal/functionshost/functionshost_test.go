//go:build linux

package functionshost

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/functionshost/front"
	"github.com/keywarden/keywarden/internal/functionshost/worker"
)

func (f *fixture) expectTries(want ...string) {
	f.t.Helper()
	if diff := cmp.Diff(want, f.tried()); diff != "" {
		f.t.Errorf("tries (-want +got):\n%s", diff)
	}
}

func TestEventsReachTheirFunctionInOrder(t *testing.T) {
	t.Parallel()
	f := run(t, packaged(t, ""), nil)
	f.hub.Send("0", "a", "b", "c")
	f.quiet()
	f.hub.Send("1", "d")
	f.quiet()
	f.expectTries("0/0:0-1", "0/0:2-2", "0/1:0-0")
	if got := f.Leases("events")["0"]; got.Checkpoint != "2" || got.Owner != "events-0" {
		t.Errorf("lease %+v", got)
	}
	f.until("stderr is filed as a warning", func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return slices.ContainsFunc(f.lines, func(l Line) bool { return l.Group == HTTPGroup && l.Level == worker.Warning && l.Invocation == "" })
	})
	f.mu.Lock()
	defer f.mu.Unlock()
	tied := slices.ContainsFunc(f.lines, func(l Line) bool {
		return l.Invocation == f.ids[0] && l.Text == "events by events-0, 0 bytes of exception" && l.Level == worker.Information
	})
	if !tied {
		t.Errorf("log %+v: want the answer's Logs tied to its invocation", f.lines)
	}
}

func TestAFailureWithoutARetryPolicyStillMovesTheCheckpoint(t *testing.T) {
	t.Parallel()
	f := run(t, packaged(t, ""), nil)
	f.hub.Send("0", "fail", "x", "y")
	f.quiet()
	f.expectTries("0/0:0-1!", "0/0:2-2")
}

func TestARetryIsTheSameInvocationAndTellsOfTheFailure(t *testing.T) {
	t.Parallel()
	f := run(t, packaged(t, `,"retry":{"strategy":"exponentialBackoff","maxRetryCount":5,"minimumInterval":"00:00:01","maximumInterval":"00:00:10"}`), nil)
	f.hub.Send("0", "fail-twice", "x", "y")
	f.quiet()
	f.expectTries("0/0:0-1!", "0/0:0-1!", "0/0:0-1", "0/0:2-2")
	if f.ids[0] != f.ids[2] || f.ids[2] == f.ids[3] {
		t.Errorf("ids %v: want one for all tries of a batch", f.ids)
	}
	if !f.logged("events by events-0, 26") {
		t.Error("the last try was not told of the failure before it, in kilobytes")
	}
}

func TestRetriesThatAreUsedUpMoveTheCheckpoint(t *testing.T) {
	t.Parallel()
	f := run(t, packaged(t, `,"retry":{"strategy":"fixedDelay","maxRetryCount":2,"delayInterval":"00:00:01"}`), nil)
	f.hub.Send("0", "fail")
	f.quiet()
	f.expectTries("0/0:0-0!", "0/0:0-0!", "0/0:0-0!")
}

func TestACrashIsAFailureThatIsRetriedInTheNewHandler(t *testing.T) {
	t.Parallel()
	f := run(t, packaged(t, retryForEver), nil)
	f.hub.Send("0", "exit-once")
	f.quiet()
	// on this clock a retry may come before the old process is seen to be gone
	if got := f.tried(); got[0] != "0/0:0-0!" || got[len(got)-1] != "0/0:0-0" {
		t.Errorf("tries %v, want a failure first and a success last", got)
	}
	if !f.logged("exit status 3") {
		t.Error("the exit is not in the log")
	}
}

func TestAKillInsideAnInvocation(t *testing.T) {
	t.Parallel()
	f := run(t, packaged(t, retryForEver), nil)
	f.hub.Send("0", "wait")
	f.until("the invocation has begun", func() bool { return f.logged("waiting with") })
	before := f.PID("events", 0)
	if err := f.Kill("events", 0); err != nil {
		t.Fatal(err)
	}
	f.until("the try has failed", func() bool { return len(f.tried()) > 0 })
	f.open()
	f.quiet()
	if got := f.tried(); got[0] != "0/0:0-0!" || got[len(got)-1] != "0/0:0-0" || f.PID("events", 0) == before {
		t.Errorf("tries %v, want a failure and then a success in another process", got)
	}
}

func TestTheThirdCrashStopsTheHost(t *testing.T) {
	t.Parallel()
	f := run(t, packaged(t, retryForEver), nil)
	f.hub.Send("0", "exit")
	if err := f.ended(); !errors.Is(err, worker.ErrStopped) {
		t.Errorf("ended with %v, want %v", err, worker.ErrStopped)
	}
	if got := f.Leases("events")["0"].Checkpoint; got != "" {
		t.Errorf("checkpoint %q, want none", got)
	}
}

func TestAnInstanceThatGaveUpIsReplaced(t *testing.T) {
	t.Parallel()
	f := run(t, packaged(t, retryForEver), func(c *Config) { c.Replace = true })
	f.hub.Send("0", "exit")
	f.until("another instance runs", func() bool { return slices.Equal(f.Instances("events"), []int{1}) })
	if err := f.Rewind("events", "0", "0"); err != nil { // leave the poison behind
		t.Fatal(err)
	}
	f.quiet()
}

func TestALostInstanceWritesNothingAndOthersTakeOver(t *testing.T) {
	t.Parallel()
	f := run(t, packaged(t, retryForEver), func(c *Config) { c.Instances = map[string]int{"events": 2} })
	f.until("both own a partition", func() bool {
		return f.Leases("events")["0"].Owner != "" && f.Leases("events")["1"].Owner != f.Leases("events")["0"].Owner
	})
	owner := strings.TrimPrefix(f.Leases("events")["0"].Owner, "events-")
	f.hub.Send("0", "wait")
	f.until("the invocation has begun", func() bool { return f.logged("waiting with") })
	if err := f.Lose("events", int(owner[0]-'0')); err != nil {
		t.Fatal(err)
	}
	if got := f.Leases("events")["0"].Checkpoint; got != "" {
		t.Errorf("checkpoint %q of a batch that a kill cut off", got)
	}
	f.open()
	f.quiet()
	got := f.tried()
	if last := got[len(got)-1]; strings.HasPrefix(last, owner) || !strings.HasSuffix(last, "/0:0-0") {
		t.Errorf("tries %v, want the other instance to have the last", got)
	}
}

func TestInstancesAreLostFromInsideTheirInvocations(t *testing.T) {
	t.Parallel()
	f := run(t, packaged(t, retryForEver), nil)
	var lost atomic.Int64
	f.mu.Lock()
	f.before = func(i Invocation) {
		if lost.Add(1) > 3 {
			return
		}
		if _, err := f.Add("events", ""); err != nil {
			t.Error(err)
		}
		if err := f.Lose("events", i.Instance); err != nil {
			t.Error(err)
		}
	}
	f.mu.Unlock()
	f.hub.Send("0", "a", "b")
	f.quiet()
	if got := f.tried(); got[len(got)-1] != "3/0:0-1" {
		t.Errorf("tries %v, want the fourth instance to have the last", got)
	}
}

func TestAPartitionMovesAndIsDeliveredAgain(t *testing.T) {
	t.Parallel()
	f := run(t, packaged(t, retryForEver), func(c *Config) { c.Limit = func(string, string) int { return 5 } })
	f.hub.Send("0", "a", "b", "c", "d")
	f.quiet()
	n, err := f.Add("events", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Move("events", "0", n); err != nil {
		t.Fatal(err)
	}
	if err := f.Rewind("events", "0", "1"); err != nil {
		t.Fatal(err)
	}
	f.until("the new owner is at its end", func() bool { return slices.Contains(f.tried(), "1/0:2-3") })
	f.quiet()
	if err := f.Remove("events", n); err != nil {
		t.Fatal(err)
	}
	f.hub.Send("0", "e")
	f.quiet()
	if got := f.tried(); got[len(got)-1] != "0/0:4-4" {
		t.Errorf("tries %v, want the first instance to have the last", got)
	}
}

// An owner that does not know yet that it has lost its partition sets the
// checkpoint back, and the new one is at the end: nothing more comes.
func TestALateOwnerDoesNotKeepTheHostFromBeingQuiet(t *testing.T) {
	t.Parallel()
	f := run(t, packaged(t, retryForEver), func(c *Config) { c.Balance, c.Term = 100*time.Hour, 200*time.Hour })
	late := make(chan struct{})
	finish := sync.OnceFunc(func() { close(late) })
	defer finish()
	f.mu.Lock()
	f.before = func(i Invocation) {
		if i.Instance == 0 {
			<-late
		}
	}
	f.mu.Unlock()
	f.hub.Send("0", "a", "b", "c")
	f.until("the first owner has begun", func() bool { return f.busy.Load() > 0 })
	n, err := f.Add("events", "")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Move("events", "0", n); err != nil {
		t.Fatal(err)
	}
	f.until("the new owner is at its end", func() bool { return f.Leases("events")["0"].Checkpoint == "2" })
	finish()
	f.until("the checkpoint is set back", func() bool { return f.Leases("events")["0"].Checkpoint == "1" })
	f.quiet()
	f.expectTries("1/0:0-1", "1/0:2-2", "0/0:0-1")
}

func TestInstancesOfAnotherPackageRunBesideTheOld(t *testing.T) {
	t.Parallel()
	f := run(t, packaged(t, retryForEver), nil)
	n, err := f.Add("events", packaged(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Move("events", "0", n); err != nil {
		t.Fatal(err)
	}
	f.hub.Send("0", "fail") // retried without end by the old package
	f.quiet()
	if got := f.tried(); !slices.Contains(got, "1/0:0-0!") { // the old one may have begun before it lost the partition
		t.Errorf("tries %v", got)
	}
}

func TestFunctionTimeoutKillsAllThatIsInFlight(t *testing.T) {
	t.Parallel()
	short := strings.Replace(hostJSON, `"01:30:00"`, `"00:03:00"`, 1)
	f := run(t, zipped(t, map[string]string{"host.json": short, "events/function.json": strings.Replace(eventsJSON, "%s", retryForEver, 1), "api/function.json": apiJSON}),
		func(c *Config) { c.Together = true })
	if status, _ := f.ask(http.MethodGet, "/api/hello"); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	pid := f.PID(AppGroup, 0)
	f.hub.Send("0", "hang-once")
	f.until("the invocation has begun", func() bool { return f.busy.Load() == 1 })
	answer, err := http.Post("http://"+f.Addr()+"/api/hang", "text/plain", strings.NewReader("with a body, it is sent once"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	f.quiet()
	// the first retry may come before the kill, and fall to it
	if got := f.tried(); got[0] != "0/0:0-0!" || got[len(got)-1] != "0/0:0-0" {
		t.Errorf("tries %v, want a failure first and a success last", got)
	}
	if answer.StatusCode != http.StatusInternalServerError {
		t.Errorf("the request in flight got %d, want 500", answer.StatusCode)
	}
	f.until("another handler runs", func() bool { now := f.PID(AppGroup, 0); return now != 0 && now != pid })
	if !f.logged("Timeout value of 3m0s exceeded") {
		t.Error("the timeout is not in the log")
	}
}

func TestRequestsWithoutABodyAreSentAgain(t *testing.T) {
	t.Parallel()
	f := run(t, packaged(t, ""), func(c *Config) { c.Clock = nil })
	if status, body := f.ask(http.MethodGet, "/api/crash-once"); status != http.StatusOK || body != "recovered" {
		t.Errorf("%d %q, want the restarted handler's answer", status, body)
	}
	if status, _ := f.ask(http.MethodGet, "/api/crash"); status != http.StatusInternalServerError {
		t.Errorf("status %d, want 500", status)
	}
	if err := f.ended(); !errors.Is(err, worker.ErrStopped) {
		t.Errorf("ended with %v: one crashing GET stops the host", err)
	}
}

func TestARequestWithABodyIsSentOnce(t *testing.T) {
	t.Parallel()
	f := run(t, packaged(t, ""), nil)
	answer, err := http.Post("http://"+f.Addr()+"/api/crash-once", "text/plain", strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusInternalServerError {
		t.Errorf("status %d, want 500", answer.StatusCode)
	}
}

func TestFunctionsOfEventsCannotBeReachedFromOutside(t *testing.T) {
	t.Parallel()
	f := run(t, packaged(t, ""), nil)
	for _, path := range []string{"/events", "/EVENTS", "/api/../events", "/%65vents", "//events", "/", "/events/"} {
		if status, body := f.ask(http.MethodPost, path); status != http.StatusNotFound {
			t.Errorf("POST %s: %d %q, want 404", path, status, body)
		}
	}
	if status, body := f.ask(http.MethodGet, "/api/hello"); status != http.StatusOK || body != "GET hello  by http-0" {
		t.Errorf("%d %q, want the shared instance of the HTTP functions", status, body)
	}
	if status, body := f.ask(http.MethodGet, "/api/stream"); body != strings.Repeat("piece\n", 3) {
		t.Errorf("%d %q", status, body)
	}
	f.expectTries()
}

func TestThePlatformSaysWhoSignedIn(t *testing.T) {
	t.Parallel()
	forged := []string{"X-MS-CLIENT-PRINCIPAL", "Zm9yZ2Vk", "X-MS-CLIENT-PRINCIPAL-NAME", "forged", "X-MS-TOKEN-AAD-ID-TOKEN", "forged"}
	principal := func(body string) (string, string) {
		var h http.Header
		if err := json.Unmarshal([]byte(body), &h); err != nil {
			t.Fatalf("%v: %s", err, body)
		}
		return h.Get("X-Ms-Client-Principal"), strings.Join(h["X-Ms-Client-Principal-Name"], ",") + h.Get("X-Ms-Token-Aad-Id-Token")
	}
	off := run(t, packaged(t, ""), nil)
	status, body := off.ask(http.MethodGet, "/api/headers", forged...)
	if status != http.StatusOK {
		t.Fatalf("status %d; log %+v", status, off.lines)
	}
	if value, rest := principal(body); value != "Zm9yZ2Vk" || rest != "forgedforged" {
		t.Errorf("without authentication %q %q, want what the client sent", value, rest)
	}
	var who *front.Principal
	on := run(t, packaged(t, ""), func(c *Config) {
		c.Auth = &front.Auth{SignIn: func(*http.Request) *front.Principal { return who }, Required: true}
	})
	if status, _ := on.ask(http.MethodGet, "/api/headers", forged...); status != http.StatusUnauthorized {
		t.Errorf("nobody got %d, want 401", status)
	}
	who = &front.Principal{ID: "1", Name: "ada", Roles: []string{"Keywarden.Reader"}}
	_, body = on.ask(http.MethodGet, "/api/headers", forged...)
	value, rest := principal(body)
	text, err := base64.StdEncoding.DecodeString(value)
	if err != nil || rest != "ada" || !strings.Contains(string(text), `{"typ":"roles","val":"Keywarden.Reader"}`) {
		t.Errorf("principal %s, rest %q, error %v", text, rest, err)
	}
}

func TestTheAdminAPIInvokesWithTheMasterKey(t *testing.T) {
	t.Parallel()
	f := run(t, packaged(t, ""), nil)
	answer, err := http.Post("http://"+f.Addr()+"/admin/functions/events?code=master", "application/json", strings.NewReader(`{"input":"hi"}`))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusAccepted {
		t.Fatalf("status %d, want 202", answer.StatusCode)
	}
	f.until("the function ran", func() bool { return f.logged("events by events-0") })
}

func TestTheEndFinishesWhatIsInFlight(t *testing.T) {
	t.Parallel()
	f := run(t, packaged(t, ""), func(c *Config) { c.Clock = nil })
	f.hub.Send("0", "wait")
	got := make(chan string, 1)
	go func() {
		_, body := f.ask(http.MethodGet, "/api/wait")
		got <- body
	}()
	f.until("both are in flight", func() bool { return f.logged("waiting with") && f.logged("waiting") && f.busy.Load() == 2 })
	pid := f.PID(HTTPGroup, 0)
	f.stop()
	f.open()
	if err := f.ended(); err != nil {
		t.Error(err)
	}
	if body := <-got; body != "waited" {
		t.Errorf("the request got %q", body)
	}
	f.expectTries("0/0:0-0")
	if got := f.Leases("events")["0"]; got.Checkpoint != "0" || got.Owner != "" {
		t.Errorf("lease %+v, want it done and given back", got)
	}
	if alive(pid) {
		t.Errorf("the handler %d still runs", pid)
	}
}

func TestAnAbandonedHandlerRunsOn(t *testing.T) {
	t.Parallel()
	f := run(t, packaged(t, ""), nil)
	if status, _ := f.ask(http.MethodGet, "/api/hello"); status != http.StatusOK {
		t.Fatalf("status %d", status)
	}
	pid, err := f.Abandon(HTTPGroup, 0)
	if err != nil {
		t.Fatal(err)
	}
	if !alive(pid) {
		t.Error("the handler does not run any more")
	}
	if process, err := os.FindProcess(pid); err == nil {
		_ = process.Kill() // of this test's own child
	}
}
