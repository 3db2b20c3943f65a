package invocation

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"testing"
)

// judge is what the host makes of an answer that came whole: success, failure,
// or a hang until functionTimeout.
func judge(answer *http.Response) string {
	body, err := io.ReadAll(answer.Body)
	switch {
	case answer.StatusCode < 200 || answer.StatusCode > 299, err != nil:
		return "failure"
	case len(bytes.TrimSpace(body)) == 0, string(bytes.TrimSpace(body)) == "null":
		return "hang"
	}
	media, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if media != "application/json" && media != "text/json" {
		return "failure"
	}
	var object struct {
		Outputs map[string]any
		Logs    []any
	}
	decoder := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, []byte("\ufeff"))))
	if decoder.Decode(&object) != nil {
		return "failure"
	}
	return "success"
}

func TestJudge_judges_captured_answers_as_the_host_did(t *testing.T) {
	type captured struct {
		Name, Outcome, Answer string
	}
	for _, c := range captures[captured](t, "answers.jsonl") {
		t.Run(c.Name, func(t *testing.T) {
			latin1 := make([]byte, 0, len(c.Answer))
			for _, char := range c.Answer {
				latin1 = append(latin1, byte(char))
			}
			outcome := "failure"
			if answer, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(latin1)), nil); err == nil {
				outcome = judge(answer)
			}
			if outcome != c.Outcome {
				t.Errorf("judged a %s, want %s", outcome, c.Outcome)
			}
		})
	}
}

func TestAnswers_never_hang_the_host(t *testing.T) {
	genuine := captures[captured](t, "invocations.jsonl")
	byName := map[string]captured{}
	for _, c := range genuine {
		byName[c.Name] = c
	}
	many := byName["eventhub-many-binary"]
	with := func(body string) *http.Request { c := many; c.Body = body; return c.request(t) }
	proxied := many.request(t)
	proxied.Header.Set("X-Forwarded-For", "127.0.0.1")

	for name, test := range map[string]struct {
		request *http.Request
		do      func(Batch) error
		status  int
	}{
		"success":      {many.request(t), func(Batch) error { return nil }, 200},
		"admin_api":    {byName["admin-invoke-eventhub-many-binary"].request(t), func(Batch) error { return nil }, 200},
		"no_events":    {with(strings.Replace(byName["no-retry-500-1"].Body, `"[\"e30=\"]"`, `"[]"`, 1)), nil, 400},
		"error":        {many.request(t), func(Batch) error { return errors.New("the hub is busy") }, 500},
		"panic":        {many.request(t), func(Batch) error { panic("a bug") }, 500},
		"abort":        {many.request(t), func(Batch) error { panic(http.ErrAbortHandler) }, 500},
		"empty_body":   {with(""), nil, 400},
		"no_json":      {with("hello"), nil, 400},
		"cut":          {with(many.Body[:len(many.Body)/2]), nil, 400},
		"other_name":   {with(strings.Replace(many.Body, `"events"`, `"evts"`, 1)), nil, 400},
		"no_base64":    {with(strings.Replace(many.Body, `eyJy`, `????`, 1)), nil, 400},
		"from_outside": {proxied, nil, 404},
	} {
		t.Run(name, func(t *testing.T) {
			answer := serve(t, test.request, func(b Batch) error {
				if test.do == nil {
					t.Error("the function was called")
					return nil
				}
				return test.do(b)
			})
			if answer.StatusCode != test.status {
				t.Errorf("status %d, want %d", answer.StatusCode, test.status)
			}
			want := "failure"
			if test.status == 200 {
				want = "success"
			}
			answer.StatusCode = 200 // whatever the status, the rest must be sound
			if outcome := judge(answer); outcome != "success" {
				t.Errorf("a 200 with this answer would be a %s, want a sound answer (of a %s)", outcome, want)
			}
		})
	}
}
