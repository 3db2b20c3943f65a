package hubemulator

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"
	"github.com/coder/websocket"
)

// Serve answers the connections that a listener accepts, AMQP and websockets
// alike, until it is closed or the server is. TLS is the listener's business.
// It returns ErrServerClosed after Close.
func (s *Server) Serve(listener net.Listener) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return ErrServerClosed
	}
	s.listeners[listener] = struct{}{}
	s.running.Add(1)
	s.mu.Unlock()
	defer s.running.Done()
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.listeners, listener)
	}()
	for {
		netConn, err := listener.Accept()
		var temporary interface{ Temporary() bool }
		switch {
		case err == nil:
			s.running.Go(func() { s.accept(netConn) })
		case errors.As(err, &temporary) && temporary.Temporary(): // out of file descriptors, say
			time.Sleep(10 * time.Millisecond)
		case s.isClosed():
			return ErrServerClosed
		default:
			return fmt.Errorf("hubemulator: accept: %w", err)
		}
	}
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// accept looks at the first bytes of a connection and hands it on.
func (s *Server) accept(netConn net.Conn) {
	in := bufio.NewReader(netConn)
	_ = netConn.SetReadDeadline(time.Now().Add(s.config.Limits.Handshake)) // reading fails where it does
	first, err := in.Peek(4)
	_ = netConn.SetReadDeadline(time.Time{})
	switch {
	case err == nil && string(first) == "GET ":
		if s.upgrade.offer(&peeked{Conn: netConn, in: in}) {
			return
		}
	case err == nil && s.start(netConn, in):
		return
	}
	_ = netConn.Close() // nothing was said
}

// peeked is a connection of which the first bytes wait in a buffer.
type peeked struct {
	net.Conn
	in io.Reader
}

// Read reads what was peeked at first.
func (p *peeked) Read(b []byte) (int, error) { return p.in.Read(b) }

// conns is a listener that is offered connections.
type conns struct {
	offered chan net.Conn
	done    chan struct{}
	once    sync.Once
}

func (c *conns) offer(netConn net.Conn) bool {
	select {
	case c.offered <- netConn:
		return true
	case <-c.done:
		return false
	}
}

// Accept waits for an offer.
func (c *conns) Accept() (net.Conn, error) {
	select {
	case netConn := <-c.offered:
		return netConn, nil
	case <-c.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept and refuses offers.
func (c *conns) Close() error {
	c.once.Do(func() { close(c.done) })
	return nil
}

// Addr is a name only: it is not reached by one.
func (c *conns) Addr() net.Addr { return pipeAddr{} }

type pipeAddr struct{}

func (pipeAddr) Network() string { return "hubemulator" }
func (pipeAddr) String() string  { return "hubemulator" }

// serveWebsockets answers the connections that turn out to be HTTP.
func (s *Server) serveWebsockets() {
	s.upgrade = &conns{offered: make(chan net.Conn), done: make(chan struct{})}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /$servicebus/websocket", func(w http.ResponseWriter, r *http.Request) {
		ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{"amqp", "AMQPWSB10"}})
		if err != nil {
			return // Accept has answered
		}
		if !s.start(websocket.NetConn(context.Background(), ws, websocket.MessageBinary), nil) {
			_ = ws.CloseNow()
		}
	})
	s.http = &http.Server{Handler: mux, ReadHeaderTimeout: s.config.Limits.Handshake}
	s.running.Go(func() {
		_ = s.http.Serve(s.upgrade) // always http.ErrServerClosed: Accept does not fail otherwise
	})
}

// Dial is the client's end of a connection within the process.
func (s *Server) Dial(ctx context.Context) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	client, server := net.Pipe()
	if !s.start(server, nil) {
		return nil, errors.Join(ErrServerClosed, client.Close(), server.Close())
	}
	return client, nil
}

// NewWebSocketConn is Dial as azeventhubs takes it in ProducerClientOptions
// and ConsumerClientOptions.
func (s *Server) NewWebSocketConn(ctx context.Context, _ azeventhubs.WebSocketConnParams) (net.Conn, error) {
	return s.Dial(ctx)
}

// ConnectionString is the connection string of the first key, as the portal
// shows it: for the namespace, or for a hub where one is named. It is used
// with NewWebSocketConn.
func (s *Server) ConnectionString(hub string) string {
	return ConnectionString(s.config.Namespace, s.config.Keys[0], hub)
}

// ConnectionString is a connection string as the portal shows it: for a
// namespace, or for a hub where one is named.
func ConnectionString(namespace string, key Key, hub string) string {
	text := fmt.Sprintf("Endpoint=sb://%s/;SharedAccessKeyName=%s;SharedAccessKey=%s", namespace, key.Name, key.Value)
	if hub != "" {
		text += ";EntityPath=" + hub
	}
	return text
}

// DevelopmentConnectionString is ConnectionString for an emulator without TLS
// at an address.
func DevelopmentConnectionString(address string, key Key, hub string) string {
	return ConnectionString(address, key, hub) + ";UseDevelopmentEmulator=true"
}
