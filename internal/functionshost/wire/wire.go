// Package wire sends HTTP requests to a handler, each on a connection of its
// own: nothing is sent a second time behind the caller's back, and when the
// handler dies it is seen at once.
package wire

import (
	"bufio"
	"context"
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
	sent := make(chan error, 1)
	go func() { sent <- r.Write(conn) }()
	answer, err := readAnswer(conn, r)
	if err != nil {
		end() // which also ends the writing
		<-sent
		return nil, cause(ctx, fmt.Errorf("no answer from the handler: %w", err))
	}
	answer.Body = &body{ReadCloser: answer.Body, end: func() { end(); <-sent }}
	return answer, nil
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
