package cosmosemulator

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
)

// Transport is the server without sockets: a RoundTripper for an http.Client that asks it and nothing else, whatever
// the address. A cut connection is io.ErrUnexpectedEOF, as a client sees it on the wire.
func (s *Server) Transport() http.RoundTripper { return transport{s} }

type transport struct{ handler http.Handler }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (response *http.Response, err error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	inner := r.Clone(r.Context())
	if inner.Host == "" {
		inner.Host = r.URL.Host
	}
	switch {
	case inner.Body == nil:
		inner.Body = http.NoBody
	case inner.ContentLength == 0 && inner.Body != http.NoBody:
		inner.ContentLength = -1 // a client's 0 means unknown
	}
	defer inner.Body.Close()
	w := &recorder{header: http.Header{}}
	defer func() {
		if p := recover(); p != nil {
			if p != http.ErrAbortHandler { //nolint:errorlint // a panic value, compared as net/http does
				panic(p)
			}
			response, err = w.cut(r)
		}
	}()
	t.handler.ServeHTTP(w, inner)
	return w.response(r, &w.body), nil
}

// recorder keeps what a handler writes.
type recorder struct {
	header  http.Header
	status  int
	body    bytes.Buffer
	flushed bool
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// Flush implements http.Flusher: what was written so far reaches the client even if the handler aborts.
func (w *recorder) Flush() { w.flushed = true }

func (w *recorder) response(r *http.Request, body io.Reader) *http.Response {
	w.WriteHeader(http.StatusOK)
	length := int64(-1)
	if n, err := strconv.ParseInt(w.header.Get("Content-Length"), 10, 64); err == nil {
		length = n
	}
	return &http.Response{
		Status: strconv.Itoa(w.status) + " " + http.StatusText(w.status), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.header, Body: io.NopCloser(body), ContentLength: length, Request: r,
	}
}

// cut is what the client sees of a connection that is cut.
func (w *recorder) cut(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	if !w.flushed {
		return nil, io.ErrUnexpectedEOF
	}
	return w.response(r, io.MultiReader(&w.body, broken{})), nil
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
