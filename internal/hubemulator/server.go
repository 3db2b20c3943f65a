// Package hubemulator stands in for Azure Event Hubs: a namespace with hubs
// that the unmodified azeventhubs client talks to over AMQP 1.0, in the same
// process, on a port, with or without TLS, or over a websocket.
//
//	server, err := hubemulator.New(hubemulator.Config{Hubs: []broker.Spec{{Name: "diagnostics", Partitions: 4}}})
//	defer server.Close()
//	producer, err := azeventhubs.NewProducerClientFromConnectionString(
//		server.ConnectionString(""), "diagnostics",
//		&azeventhubs.ProducerClientOptions{NewWebSocketConn: server.NewWebSocketConn})
//
// It is strict where the service is: signatures and rights, the size of
// messages, credit and windows, owner levels, consumer groups, start positions
// and the wording of refusals that clients rely on. It does not have the
// service's management plane, Kafka and HTTPS endpoints, capture, schema
// registry, or throttling of its own; Faults make things go wrong on request.
package hubemulator

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/keywarden/keywarden/internal/hubemulator/amqp"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

// DefaultNamespace is the name of a namespace that was given none.
const DefaultNamespace = "emulator.servicebus.windows.net"

// Limits bound what clients may take. Zero fields are the service's own.
type Limits struct {
	Connections int           // at once; 5000. As many again are told so, and the rest cut off
	Message     uint64        // bytes of a message or batch; 1 MiB
	Handshake   time.Duration // until a connection is open; 30 s
	Idle        time.Duration // without a frame from the client; 4 min
	Write       time.Duration // until a client has read what it was sent; 30 s
}

func (l *Limits) fill() {
	l.Connections = cmp.Or(l.Connections, 5000)
	l.Message = cmp.Or(l.Message, 1<<20)
	l.Handshake = cmp.Or(l.Handshake, 30*time.Second)
	l.Idle = cmp.Or(l.Idle, 4*time.Minute)
	l.Write = cmp.Or(l.Write, 30*time.Second)
}

// Config is a namespace. The zero Config is an empty one with the root key.
type Config struct {
	Namespace string           // DefaultNamespace where empty
	Hubs      []broker.Spec    // created where State does not hold them already
	Keys      []Key            // the root key where there are none
	Tokens    Tokens           // JWT where nil
	Faults    Faults           // none where nil
	State     string           // folder that keeps the hubs; in memory where empty
	Now       func() time.Time // stamps and expires events and tokens; time.Now where nil
	Limits    Limits
	Log       *slog.Logger // of connections; silent where nil
}

// Server is a namespace that answers clients.
type Server struct {
	config  Config
	broker  *broker.Broker
	auth    authorizer
	readers readers
	http    *http.Server
	upgrade *conns // connections that turned out to be HTTP

	mu        sync.Mutex
	closed    bool
	listeners map[net.Listener]struct{}
	open      map[*connection]struct{}
	running   sync.WaitGroup // connections, and what serves them
}

// ErrServerClosed is what Serve and Dial return after Close.
var ErrServerClosed = errors.New("hubemulator: the server is closed")

// New is a namespace as config says.
func New(config Config) (*Server, error) {
	config.Namespace = cmp.Or(config.Namespace, DefaultNamespace)
	config.Limits.fill()
	if len(config.Keys) == 0 {
		config.Keys = []Key{{Name: RootKeyName, Value: RootKeyValue, Rights: AllRights}}
	}
	if config.Tokens == nil {
		config.Tokens = JWT
	}
	if config.Faults == nil {
		config.Faults = FaultFunc(func(Operation) Fault { return Fault{} })
	}
	if config.Now == nil {
		config.Now = time.Now
	}
	if config.Log == nil {
		config.Log = slog.New(slog.DiscardHandler)
	}
	hubs, err := broker.Open(config.State, config.Now)
	if err != nil {
		return nil, fmt.Errorf("hubemulator: %w", err)
	}
	for _, spec := range config.Hubs {
		if _, err := hubs.Create(spec); err != nil && !errors.Is(err, broker.ErrExists) {
			return nil, errors.Join(fmt.Errorf("hubemulator: %w", err), hubs.Close())
		}
	}
	s := &Server{
		config: config, broker: hubs,
		auth:      authorizer{keys: config.Keys, tokens: config.Tokens, now: config.Now},
		readers:   readers{places: map[string][]*reader{}},
		listeners: map[net.Listener]struct{}{}, open: map[*connection]struct{}{},
	}
	s.serveWebsockets()
	return s, nil
}

// Broker is the hubs, to be looked at, and to be added to. A hub is deleted by
// DeleteHub.
func (s *Server) Broker() *broker.Broker { return s.broker }

// DeleteHub removes a hub with its events and detaches all links to it. It may
// be created again, and is then another one.
func (s *Server) DeleteHub(name string) error {
	hub, err := s.broker.Hub(name)
	if err != nil {
		return err
	}
	err = s.broker.Delete(name)
	gone := amqp.Errorf(amqp.ConditionNotFound, "The messaging entity 'sb://%s/%s' could not be found.", s.config.Namespace, hub.Name())
	s.each(func(c *connection) { c.detachHub(hub, gone) })
	return err
}

// Detach force-detaches all links to a hub, as the service does when it moves
// a partition.
func (s *Server) Detach(name string) error {
	hub, err := s.broker.Hub(name)
	if err != nil {
		return err
	}
	s.each(func(c *connection) { c.detachHub(hub, DetachForced) })
	return nil
}

// Cut breaks off all connections, without a word.
func (s *Server) Cut() {
	s.each(func(c *connection) { c.cut() })
}

// Connections is how many connections there are, open or not yet.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

func (s *Server) each(do func(*connection)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		do(c)
	}
}

// Close says goodbye to all clients, waits until nothing of the server runs,
// and closes the hubs.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	for listener := range s.listeners {
		_ = listener.Close() // Serve has ended where it fails
	}
	for c := range s.open {
		c.forceClose()
	}
	s.mu.Unlock()
	err := s.http.Close()
	s.running.Wait()
	return errors.Join(err, s.broker.Close())
}

// start counts a connection in and serves it. It says no after Close, and
// where there are far too many.
func (s *Server) start(netConn net.Conn, in io.Reader) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.open) >= 2*s.config.Limits.Connections {
		return false
	}
	c := newConnection(s, netConn, in)
	c.refused = len(s.open) >= s.config.Limits.Connections
	s.open[c] = struct{}{}
	s.running.Go(func() {
		c.serve()
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.open, c)
	})
	return true
}

// newID is a random identifier.
func newID() string {
	var id [16]byte
	_, _ = rand.Read(id[:]) // it never fails
	return hex.EncodeToString(id[:])
}
