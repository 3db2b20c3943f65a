// Package wire sends HTTP requests to a handler, each on a connection of its
// own: nothing is sent a second time behind the caller's back, and when the
// handler dies it is seen at once.
package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
)

// Transport is a http.RoundTripper for plain HTTP/1.1.
type Transport struct{}

// RoundTrip sends the request and returns the answer, whose body is streamed.
// The connection is closed with the body, or when the request's context ends.
func (Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	defer closeBody(r.Body)
	if r.URL.Scheme != "http" {
		return nil, fmt.Errorf("send to %s: only http is spoken here", r.URL.Host)
	}
	ctx := r.Context()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", r.URL.Host)
	if err != nil {
		return nil, cause(ctx, err)
	}
	unwatch := context.AfterFunc(ctx, func() { _ = conn.Close() })
	end := func() { unwatch(); _ = conn.Close() }
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		_ = watched(r, conn).Write(conn) // a handler may answer without reading: the answer decides
	}()
	answer, err := readAnswer(conn, r)
	if err != nil {
		end() // which also ends the writing
		<-sent
		return nil, cause(ctx, fmt.Errorf("no answer from the handler: %w", err))
	}
	answer.Body = &body{ReadCloser: answer.Body, end: func() { end(); <-sent }}
	return answer, nil
}

// watched is the request with a body that closes the connection when it
// breaks off: the handler must not wait for its rest.
func watched(r *http.Request, conn io.Closer) *http.Request {
	if r.Body == nil || r.Body == http.NoBody {
		return r
	}
	out := *r
	out.Body = source{r.Body, conn}
	return &out
}

type source struct {
	io.ReadCloser
	conn io.Closer
}

func (s source) Read(b []byte) (int, error) {
	n, err := s.ReadCloser.Read(b)
	if err != nil && !errors.Is(err, io.EOF) {
		_ = s.conn.Close() // the sender is told of err
	}
	return n, err
}

// readAnswer skips interim answers (1xx).
func readAnswer(conn net.Conn, r *http.Request) (*http.Response, error) {
	reader := bufio.NewReader(conn)
	for {
		answer, err := http.ReadResponse(reader, r)
		if err != nil || answer.StatusCode >= 200 {
			return answer, err
		}
	}
}

// cause is why the context ended, where it did.
func cause(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

func closeBody(b io.Closer) {
	if b != nil {
		_ = b.Close() // it was only read
	}
}

// body closes its connection with itself.
type body struct {
	io.ReadCloser
	end func()
}

func (b *body) Close() error {
	b.end() // before: the rest of an answer is not waited for
	return nil
}
