package cosmosemulator

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Bounds on clients that are slow or many.
const (
	headerTimeout   = 10 * time.Second
	requestTimeout  = 60 * time.Second
	idleTimeout     = 5 * time.Minute
	maxHeader       = 64 << 10
	maxConnections  = 1000
	shutdownTimeout = 5 * time.Second
)

// Serve answers on a listener until ctx ends, over TLS where secure is not nil; it returns when the last request is
// answered, or five seconds later. Connections beyond Config.MaxConnections are answered 503 and closed; headers must be there
// in 10 seconds and bodies in a minute.
func (s *Server) Serve(ctx context.Context, listener net.Listener, secure *tls.Config) error {
	most := s.config.MaxConnections
	if most == 0 {
		most = maxConnections
	}
	web := &http.Server{
		Handler: s, ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout, WriteTimeout: 2 * requestTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader, TLSConfig: secure.Clone(),
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	few := &bounded{Listener: listener, free: make(chan struct{}, most), plain: secure == nil}
	ended := make(chan error, 1)
	go func() {
		if secure != nil {
			ended <- web.ServeTLS(few, "", "")
			return
		}
		ended <- web.Serve(few)
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("cosmosemulator: serve: %w", err)
	case <-ctx.Done():
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	err := web.Shutdown(closing)
	if errors.Is(err, context.DeadlineExceeded) {
		err = web.Close()
	}
	if serveErr := <-ended; !errors.Is(serveErr, http.ErrServerClosed) {
		err = errors.Join(err, serveErr)
	}
	return err
}

// bounded is a listener that refuses connections beyond so many.
type bounded struct {
	net.Listener
	free  chan struct{}
	plain bool // no TLS
}

// tooMany is all that a refused connection gets; over TLS it gets nothing.
const tooMany = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nContent-Length: 72\r\nConnection: close\r\n\r\n" +
	`{"code":"ServiceUnavailable","message":"There are too many connections"}`

// Accept implements net.Listener.
func (b *bounded) Accept() (net.Conn, error) {
	for {
		conn, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case b.free <- struct{}{}:
			return &counted{Conn: conn, release: sync.OnceFunc(func() { <-b.free })}, nil
		default:
		}
		if b.plain {
			_ = conn.SetDeadline(time.Now().Add(time.Second))
			_, _ = conn.Write([]byte(tooMany)) // it fits the socket's buffer
		}
		_ = conn.Close()
	}
}

// counted is a connection that makes room when it is closed.
type counted struct {
	net.Conn
	release func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	c.release()
	return c.Conn.Close()
}
