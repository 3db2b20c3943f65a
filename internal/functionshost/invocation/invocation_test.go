package invocation

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

func TestRedirectsAreFollowed(t *testing.T) {
	for name, test := range map[string]struct {
		status       int
		method, body string
	}{
		"moved_becomes_a_get":          {http.StatusMovedPermanently, http.MethodGet, ""},
		"found_becomes_a_get":          {http.StatusFound, http.MethodGet, ""},
		"temporary_replays_the_post":   {http.StatusTemporaryRedirect, http.MethodPost, `{"Data":{}}`},
		"permanent_replays_the_post":   {http.StatusPermanentRedirect, http.MethodPost, `{"Data":{}}`},
		"see_other_becomes_a_get_also": {http.StatusSeeOther, http.MethodGet, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var method, body atomic.Value
			handler := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/usage" {
					http.Redirect(w, r, "/elsewhere", test.status)
					return
				}
				text, _ := io.ReadAll(r.Body)
				method.Store(r.Method)
				body.Store(string(text))
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"Logs":["lost batch"]}`) // the test sees what is missing
			}))
			defer handler.Close()
			logs, err := Send(t.Context(), strings.TrimPrefix(handler.URL, "http://"), Try{Function: "usage", ID: "1", Body: []byte(`{"Data":{}}`)})
			if err != nil || len(logs) != 1 {
				t.Fatalf("logs %q, error %v: JSON at the end of a redirect counts as success", logs, err)
			}
			if method.Load() != test.method || body.Load() != test.body {
				t.Errorf("arrived as %v %q, want %s %q", method.Load(), body.Load(), test.method, test.body)
			}
		})
	}
}

func TestRedirectsEnd(t *testing.T) {
	var n atomic.Int64
	handler := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		http.Redirect(w, r, r.URL.Path, http.StatusTemporaryRedirect)
	}))
	defer handler.Close()
	_, err := Send(t.Context(), strings.TrimPrefix(handler.URL, "http://"), Try{Function: "f", ID: "1", Body: []byte("{}")})
	var drop DroppedError
	if !errors.As(err, &drop) || n.Load() != maxRedirects+1 {
		t.Errorf("error %v after %d requests, want a failure after %d", err, n.Load(), maxRedirects+1)
	}
}

func TestLargeBodiesArriveWhole(t *testing.T) {
	body := strings.Repeat(`{"é":"ü"}`, 150_000)
	handler := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := io.ReadAll(r.Body)
		if err != nil || string(text) != body {
			http.Error(w, "another body", http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{}`) // the test sees what is missing
	}))
	defer handler.Close()
	if _, err := Send(t.Context(), strings.TrimPrefix(handler.URL, "http://"), Try{Function: "f", ID: "1", Body: []byte(body)}); err != nil {
		t.Error(err)
	}
}

func TestAnAnswerBeforeTheBodyIsReadCounts(t *testing.T) {
	handler := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "no", http.StatusRequestEntityTooLarge)
	}))
	defer handler.Close()
	_, err := Send(t.Context(), strings.TrimPrefix(handler.URL, "http://"), Try{Function: "f", ID: "1", Body: make([]byte, 2<<20)})
	var status StatusError
	var drop DroppedError // the handler's reset may overtake its answer, as on any network
	refused := errors.As(err, &status) && status.Status == http.StatusRequestEntityTooLarge
	if !refused && !errors.As(err, &drop) {
		t.Errorf("error %v, want status 413", err)
	}
}

func TestOneEventsBodyShadowsTheMetadata(t *testing.T) {
	c := events(t, false, "string", with(records, `{"sys":{"a":1},"PartitionContext":"mine","n":5,"list":[1],"Offset":null}`))
	var body struct{ Metadata map[string]json.RawMessage }
	if err := json.Unmarshal(c.Body("f", at, nil), &body); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"sys": `{"a":1}`, "PartitionContext": `"\"mine\""`, "list": ""} {
		if got := string(body.Metadata[name]); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestAnEventThatIsNoJSONFailsAnUntypedBatch(t *testing.T) {
	_, err := Events(Shape{Name: "events", Many: true}, hub, []Event{records, later("no json")})
	if err == nil || !strings.Contains(err.Error(), "sequence number 60") {
		t.Errorf("error %v, want one that names the event", err)
	}
}

func TestAGeoReplicatedOffsetIsNoNumber(t *testing.T) {
	e := records
	e.Offset = "3:616008:1"
	body := string(events(t, true, "binary", e).Body("f", at, nil))
	for _, want := range []string{`"OffsetArray":"[\"-1\"]"`, `"OffsetStringArray":"[\"3:616008:1\"]"`} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s in %s", want, body)
		}
	}
}

func TestInvalidTextBecomesReplacementCharacters(t *testing.T) {
	body := string(events(t, true, "string", with(records, "a\xffb")).Body("f", at, nil))
	if !strings.Contains(body, `"events":"[\"a`+"\ufffd"+`b\"]"`) {
		t.Errorf("no U+FFFD for what is no UTF-8 in %s", body)
	}
}
