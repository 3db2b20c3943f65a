package invocation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/keywarden/keywarden/internal/functionshost/wire"
)

// HostVersion is the version of the host that is stood in for.
const HostVersion = "4.1037.0.0"

// maxAnswer bounds an answer; the host reads it whole.
const maxAnswer = 100 << 20

// maxRedirects is how far the host follows.
const maxRedirects = 50

// Try is one try of one invocation.
type Try struct {
	Function string
	ID       string // the same on every try
	Body     []byte
}

// Send hands the try to the handler at addr and returns the log lines of its
// answer. The body is always chunked, and redirects are followed: 301, 302
// and 303 with a GET, 307 and 308 with the same request. err is a
// [StatusError], an [AnswerError] or a [DroppedError]; an answer that hangs
// ends with ctx, and then err is ctx's cause.
func Send(ctx context.Context, addr string, t Try) (logs []string, err error) {
	r, err := t.request(ctx, addr)
	if err != nil {
		return nil, err
	}
	client := http.Client{Transport: wire.Transport{}, CheckRedirect: follow}
	answer, err := client.Do(r)
	if err != nil {
		return nil, dropped(ctx, err)
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	_ = answer.Body.Close() // it was only read
	if err != nil {
		return nil, dropped(ctx, err)
	}
	verdict, logs, err := Judge(answer, body)
	if verdict == Hang {
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
	return logs, err
}

func (t Try) request(ctx context.Context, addr string) (*http.Request, error) {
	body := func() (io.ReadCloser, error) {
		return io.NopCloser(&pieces{r: bytes.NewReader(t.Body), next: firstPiece}), nil
	}
	first, _ := body() // never fails
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/"+t.Function, first)
	if err != nil {
		return nil, fmt.Errorf("invoke %s: %w", t.Function, err)
	}
	r.GetBody, r.ContentLength, r.TransferEncoding = body, -1, []string{"chunked"}
	for name, value := range map[string]string{
		"X-Azure-Functions-HostVersion":  HostVersion,
		"X-Azure-Functions-InvocationId": t.ID,
		"User-Agent":                     "Azure-Functions-Host/" + HostVersion,
		"Content-Type":                   "application/json; charset=utf-8",
	} {
		r.Header[name] = []string{value}
	}
	return r, nil
}

func follow(r *http.Request, via []*http.Request) error {
	r.Header.Del("Referer")
	if len(via) > maxRedirects {
		return errors.New("the handler redirects without end")
	}
	return nil
}

// DroppedError is a connection that ended, or never began, without an answer.
type DroppedError struct{ Cause error }

func (e DroppedError) Error() string { return "An error occurred while sending the request." }

func (e DroppedError) Unwrap() error { return e.Cause }

func dropped(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return DroppedError{err}
}

// TimeoutError is an invocation that reached functionTimeout.
type TimeoutError struct {
	Function string
	Timeout  time.Duration
}

func (e TimeoutError) Error() string {
	return fmt.Sprintf("Timeout value of %v exceeded by function: Functions.%s", e.Timeout, e.Function)
}

const (
	firstPiece = 1024
	lastPiece  = 32<<10 - 1 // odd, to cut characters in two
)

// pieces cuts a body into the chunks it is sent in: the first of 1 KiB, as
// the host does, the later ones larger.
type pieces struct {
	r    *bytes.Reader
	next int
}

func (p *pieces) Read(b []byte) (int, error) {
	n, err := p.r.Read(b[:min(len(b), p.next)])
	p.next = min(2*p.next-1, lastPiece)
	return n, err
}
