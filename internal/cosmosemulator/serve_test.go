package cosmosemulator_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keywarden/keywarden/internal/cosmosemulator"
)

// pipes is a listener without sockets, for tests in which time is not real.
type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipes() *pipes { return &pipes{conns: make(chan net.Conn), closed: make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error {
	close(p.closed)
	return nil
}

func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p *pipes) dial() net.Conn {
	client, server := net.Pipe()
	p.conns <- server
	return client
}

// inBubble runs a test against Serve where time is not real. That no goroutine is left behind is checked by the bubble.
func inBubble(t *testing.T, config cosmosemulator.Config, test func(t *testing.T, a *account, listener *pipes)) {
	synctest.Test(t, func(t *testing.T) {
		a := newAccount(t, config)
		listener := newPipes()
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- a.Serve(ctx, listener, nil) }()
		test(t, a, listener)
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Serve: %v", err)
		}
	})
}

func TestServe_of_10000_half_open_connections(t *testing.T) {
	inBubble(t, cosmosemulator.Config{}, func(t *testing.T, _ *account, listener *pipes) {
		var refused, closed atomic.Int64
		start := time.Now()
		for range 10_000 {
			conn := listener.dial()
			go func() {
				text, _ := io.ReadAll(conn)
				if strings.HasPrefix(string(text), "HTTP/1.1 503 ") {
					refused.Add(1)
				} else if time.Since(start) >= 10*time.Second {
					closed.Add(1)
				}
				_ = conn.Close()
			}()
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if refused.Load() != 9000 || closed.Load() != 1000 {
			t.Errorf("%d were refused and %d closed when their headers did not come, want 9000 and 1000", refused.Load(), closed.Load())
		}
	})
}

func TestServe_of_slow_clients(t *testing.T) {
	tests := []struct {
		name string
		send func(r *http.Request) string // what is sent of the request, of which no more comes
		want string
		most time.Duration
	}{
		{"half_a_header", func(*http.Request) string { return "POST /dbs HTTP/1.1\r\nHo" }, "", 11 * time.Second},
		{"half_a_body", func(r *http.Request) string {
			return "POST /dbs HTTP/1.1\r\nHost: account.test\r\nContent-Length: 100\r\nx-ms-date: " + r.Header.Get("x-ms-date") +
				"\r\nAuthorization: " + r.Header.Get("Authorization") + "\r\n\r\n{\"id\":"
		}, "HTTP/1.1 408 ", 61 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, cosmosemulator.Config{}, func(t *testing.T, _ *account, listener *pipes) {
				r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://account.test/dbs", nil)
				if err != nil {
					t.Fatal(err)
				}
				sign(r, cosmosemulator.EmulatorKey, "dbs", "", time.Now())
				start, conn := time.Now(), listener.dial()
				if _, err := io.WriteString(conn, test.send(r)); err != nil {
					t.Fatal(err)
				}
				text, _ := io.ReadAll(conn)
				if took := time.Since(start); took > test.most || !strings.HasPrefix(string(text), test.want) {
					t.Errorf("after %v it gets %.200q, want %q within %v", took, text, test.want, test.most)
				}
			})
		})
	}
}

func TestServe_does_not_wait_for_a_client_that_does_not_read(t *testing.T) {
	inBubble(t, cosmosemulator.Config{}, func(t *testing.T, a *account, listener *pipes) {
		create(t, a.container(t, byPK("c")), "1", "p", "text", strings.Repeat("x", 1<<20))
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://account.test"+docs+"/1", nil)
		if err != nil {
			t.Fatal(err)
		}
		sign(r, cosmosemulator.EmulatorKey, "docs", "dbs/db/colls/c/docs/1", time.Now())
		r.Header.Set("x-ms-documentdb-partitionkey", `["p"]`)
		conn := listener.dial()
		if err := r.Write(conn); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Minute) // longer than an answer may take
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte("x")); err == nil {
			t.Error("the connection is still open")
		}
	})
}
