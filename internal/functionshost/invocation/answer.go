package invocation

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// Verdict is how the host takes an answer of the handler.
type Verdict int

// An answer that hangs is waited for until functionTimeout, as if none had come.
const (
	Success Verdict = iota
	Failure
	Hang
)

// String is success, failure or hang.
func (v Verdict) String() string { return [...]string{"success", "failure", "hang"}[v] }

// Judge is how the host takes an answer, and the log lines in it. Those of an
// answer that is no success are lost. err says what is wrong with a failure.
func Judge(answer *http.Response, body []byte) (v Verdict, logs []string, err error) {
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return Failure, nil, StatusError{answer.StatusCode, reason(answer)}
	}
	if len(body) == 0 {
		return Hang, nil, nil
	}
	if media := mediaType(answer.Header); media != "application/json" && media != "text/json" {
		return Failure, nil, AnswerError{answer, body, mediaError(media)}
	}
	text := bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\xef\xbb\xbf")))
	if len(text) == 0 || string(text) == "null" {
		return Hang, nil, nil
	}
	logs, err = parseAnswer(text)
	if err != nil {
		return Failure, nil, AnswerError{answer, body, err}
	}
	return Success, logs, nil
}

// mediaType is the type without its parameters, whatever these are.
func mediaType(header http.Header) string {
	media, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	return strings.ToLower(strings.TrimSpace(media))
}

// reason is the words beside the status as they came.
func reason(answer *http.Response) string {
	_, words, _ := strings.Cut(answer.Status, " ")
	return words
}

// parseAnswer reads an answer as the host's JSON library does: names in any
// case, unknown ones skipped, whatever follows the object ignored.
func parseAnswer(text []byte) ([]string, error) {
	if text[0] != '{' {
		return nil, errors.New("the answer is no JSON object")
	}
	var answer struct {
		Outputs     map[string]json.RawMessage
		Logs        []any
		ReturnValue json.RawMessage
	}
	if err := json.NewDecoder(bytes.NewReader(text)).Decode(&answer); err != nil {
		return nil, err
	}
	logs := make([]string, len(answer.Logs))
	for i, line := range answer.Logs {
		switch line := line.(type) {
		case map[string]any, []any:
			return nil, fmt.Errorf("log line %d is no string", i)
		case nil:
		default:
			logs[i] = fmt.Sprint(line)
		}
	}
	return logs, nil
}

// StatusError is an answer whose status is no success.
type StatusError struct {
	Status int
	Reason string
}

func (e StatusError) Error() string {
	return fmt.Sprintf("Response status code does not indicate success: %d (%s).", e.Status, e.Reason)
}

// mediaError is the media type of an answer that the host does not read.
type mediaError string

func (e mediaError) Error() string {
	return fmt.Sprintf("the media type is %q, not application/json", string(e))
}

// AnswerError is an answer of a 2xx that the host cannot read. Its text holds
// the answer, as the host's does: do not log it.
type AnswerError struct {
	Answer *http.Response
	Body   []byte
	Cause  error
}

func (e AnswerError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Invalid HttpResponseMessage:\nStatusCode: %d, ReasonPhrase: '%s', Version: 1.1, Content: System.Net.Http.HttpConnectionResponseContent, Headers:\n{\n",
		e.Answer.StatusCode, reason(e.Answer))
	for _, name := range []string{"Content-Type", "Content-Length"} {
		if v := e.Answer.Header.Get(name); v != "" {
			fmt.Fprintf(&b, "  %s: %s\n", name, v)
		}
	}
	b.WriteString("}\n " + text(e.Body))
	return b.String()
}

func (e AnswerError) Unwrap() error { return e.Cause }
