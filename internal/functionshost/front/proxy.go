package front

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/keywarden/keywarden/internal/functionshost/clock"
	"github.com/keywarden/keywarden/internal/functionshost/invocation"
	"github.com/keywarden/keywarden/internal/functionshost/wire"
)

// How often the host sends a request again whose connection dropped, and how
// long it waits (azure-functions-host, RetryProxyHandler).
const (
	maxSends   = 10
	firstDelay = 50 * time.Millisecond
	maxDelay   = 250 * time.Millisecond
)

// maxWait is how long the platform waits for an answer. What it answers then
// was not captured.
const maxWait = 240 * time.Second

var errTooSlow = errors.New("the answer took longer than 240 s")

// hop are the headers that stay on their connection.
var hop = []string{"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te", "Transfer-Encoding",
	"Upgrade", "Upgrade-Insecure-Requests"}

// proxy passes a request on to the handler and streams its answer.
func (f *Front) proxy(w http.ResponseWriter, r *http.Request, function, path string) {
	limited, stop := clock.WithTimeout(r.Context(), f.clock, maxWait, errTooSlow)
	defer stop()
	err := f.backend.Proxy(limited, function, func(ctx context.Context, addr, id string) error {
		answer, err := f.send(ctx, r, addr, id, path)
		if err != nil {
			return err
		}
		defer answer.Body.Close()
		if err := reply(w, r, answer); err != nil {
			return errors.Join(errAnswered, err)
		}
		return nil
	})
	switch {
	case errors.Is(err, errAnswered):
		cut(w)
	case errors.Is(err, errTooSlow):
		w.WriteHeader(http.StatusGatewayTimeout)
	case err != nil:
		w.WriteHeader(http.StatusInternalServerError)
	}
}

// send sends the request, again and again where it has no body.
func (f *Front) send(ctx context.Context, r *http.Request, addr, id, path string) (*http.Response, error) {
	bodiless := r.ContentLength == 0
	for n, delay := 1, firstDelay; ; n, delay = n+1, min(2*delay, maxDelay) {
		answer, err := wire.Transport{}.RoundTrip(outgoing(ctx, r, addr, id, path))
		if err == nil || ctx.Err() != nil || !bodiless || n == maxSends {
			return answer, err
		}
		if err := f.clock.Sleep(ctx, delay); err != nil {
			return nil, err
		}
	}
}

// outgoing is the request as the handler gets it.
func outgoing(ctx context.Context, r *http.Request, addr, id, path string) *http.Request {
	out := &http.Request{Method: r.Method, URL: &url.URL{Scheme: "http", Host: addr, Opaque: escape(path), RawQuery: r.URL.RawQuery},
		Host: addr, Header: r.Header.Clone(), Body: http.MaxBytesReader(nil, r.Body, maxBody), ContentLength: r.ContentLength}
	for _, name := range hop {
		out.Header.Del(name)
	}
	for name, values := range out.Header {
		if len(values) > 1 {
			out.Header[name] = []string{strings.Join(values, ", ")}
		}
	}
	if out.Header.Get("User-Agent") == "" {
		out.Header["User-Agent"] = []string{""} // none, instead of Go's
	}
	client, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		client = r.RemoteAddr
	}
	for name, value := range map[string]string{
		"X-Azure-Functions-HostVersion":  invocation.HostVersion,
		"X-Azure-Functions-InvocationId": id,
		"x-ms-invocation-id":             id,
		"X-Forwarded-For":                client,
		"X-Forwarded-Host":               r.Host,
		"X-Forwarded-Proto":              "http",
	} {
		out.Header.Set(name, value)
	}
	if r.ContentLength == 0 {
		out.Body = http.NoBody
		switch r.Method {
		case http.MethodGet, http.MethodHead, http.MethodDelete, http.MethodOptions:
		default:
			out.TransferEncoding = []string{"identity"} // says Content-Length: 0 for any other verb
		}
	}
	return out.WithContext(ctx)
}

// reply passes the handler's answer on. Where Go's server would change the
// status line (words of the handler's own, a client that speaks HTTP/1.0) it is
// written to the connection.
func reply(w http.ResponseWriter, r *http.Request, answer *http.Response) error {
	header := w.Header()
	for name, values := range answer.Header {
		header[name] = values
	}
	for _, name := range hop {
		header.Del(name)
	}
	for name := range answer.Trailer {
		header.Add("Trailer", name)
	}
	_, words, _ := strings.Cut(answer.Status, " ")
	if words != http.StatusText(answer.StatusCode) || !r.ProtoAtLeast(1, 1) {
		return write(w, r, answer)
	}
	if header.Get("Content-Type") == "" {
		header["Content-Type"] = nil // none, instead of a guess
	}
	w.WriteHeader(answer.StatusCode)
	return stream(w, answer.Body)
}

// write answers on the connection itself, which ends with that.
func write(w http.ResponseWriter, r *http.Request, answer *http.Response) error {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }() // the answer is written by then
	out := &http.Response{Status: answer.Status, StatusCode: answer.StatusCode, ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: w.Header(), Body: answer.Body, ContentLength: answer.ContentLength, Close: true}
	if out.Header.Get("Date") == "" {
		out.Header.Set("Date", time.Now().UTC().Format(http.TimeFormat))
	}
	if err := out.Write(buffered); err != nil {
		return err
	}
	return buffered.Flush()
}

// cut ends the connection, so that the client sees that its answer is not whole.
func cut(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		_ = conn.Close() // nobody is left to tell
	}
}

// stream copies an answer and passes on each piece as it comes.
func stream(w http.ResponseWriter, body io.Reader) error {
	flush := http.NewResponseController(w).Flush
	buffer := make([]byte, 32<<10)
	for {
		n, err := body.Read(buffer)
		if n > 0 {
			if _, err := w.Write(buffer[:n]); err != nil {
				return err
			}
			if err := flush(); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
