// Package cosmosemulator is a stand-in for Azure Cosmos DB for NoSQL: the gateway's REST as the unmodified azcosmos
// v1.5 speaks it, for tests and development. It is strict where the service is strict.
//
// # Use
//
//	server, err := cosmosemulator.New(cosmosemulator.Config{})
//	web := httptest.NewServer(server)
//	credential, err := azcosmos.NewKeyCredential(cosmosemulator.EmulatorKey)
//	client, err := azcosmos.NewClientWithKey(web.URL, credential, nil)
//
// Without sockets, give ClientOptions.Transport an http.Client whose Transport is server.Transport(), and every server
// an address of its own: the SDK shares what it knows of containers between all clients of one address. Serve listens
// with bounds on connections and slow clients. Close ends the journal.
//
// # What it does
//
// Databases, containers (created with their partition key, time to live and throughput; read, replaced, queried,
// deleted), offers; items with create, read, replace, upsert, delete, patch and transactional batch; etags on every
// write with If-Match and If-None-Match; hierarchical keys; time to live; session tokens; queries of the dialect of
// package dialect with pages and continuation; change feed and partition key ranges; request charges (charge.go says by
// which rules). A container has one physical partition for every 10,000 RU/s, or Config.PartitionsPerContainer.
//
// # What it refuses, as the service does
//
//   - 400: cross-partition queries with ORDER BY, TOP, OFFSET LIMIT, aggregates, DISTINCT or GROUP BY; ORDER BY
//     of a path that the container's policy does not index, or of several without their composite index; a partition key
//     that is not the item's; more than 100 operations in a batch or 10 in a patch; ids of more than 1,023 bytes; items
//     nested more than 128 deep
//   - 401: wrong signatures and tokens; reading an item whose id has / \ # %xx or a space at its end, which can be
//     created all the same; 403: a request dated more than 15 minutes away, and management with an Entra ID token
//   - 404, 409, 412, 413 (more than 2 MiB; a batch that touches more than 16 MiB, which is this stand-in's own), 424 (the
//     others of a refused batch) as documented; 404 with sub-status 1002 for a session token from the future
//   - what only Config.Faults brings about: 410, 429, 449, 503, cut connections, lost answers
//
// # What it has not
//
// Stored procedures, triggers, user-defined functions, users and permissions, unique keys, conflict feeds, full
// fidelity change feed, splits and merges of physical partitions, addressing by resource id, and throttling by
// throughput. The first are refused with 400.
package cosmosemulator

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/keywarden/keywarden/internal/cosmosemulator/store"
)

// EmulatorKey is the account key of Microsoft's emulator, which everybody knows.
const EmulatorKey = "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=="

// Config says how a Server works. The zero value is an empty account that forgets everything.
type Config struct {
	Key         string       // the account key, base64; "" is EmulatorKey
	Endpoint    string       // the address of the account's one region; "" is where the client's request went
	Region      string       // its name; "" is South Central US
	Consistency string       // the account's level; "" is Strong, which one copy has
	Audiences   []string     // further audiences of accepted tokens, besides the account's address and the known ones
	StateDir    string       // keeps data over a restart; "" keeps nothing
	Faults      Faults       // scripted faults; nil is none
	Log         *slog.Logger // nil is slog.Default

	// Clock is the time of the data: _ts, time to live and the change feed. Dates of requests and tokens are compared
	// with the time of the machine, as clients take it from there. nil is time.Now.
	Clock func() time.Time

	PartitionsPerContainer int  // the least number of physical partitions; 0 is 1
	EmptyPages             bool // before every page of a cross-partition query comes an empty one with a continuation
	MaxConnections         int  // of Serve, further ones are refused with 503; 0 is 1000
}

// Server is an account. It is an http.Handler.
type Server struct {
	config Config
	key    []byte
	store  *store.Store
	log    *slog.Logger
	anyID  bool // the handler of ComputeGateway
}

var _ http.Handler = (*Server)(nil)

// New opens the state and returns a server, which its caller closes.
func New(config Config) (*Server, error) {
	if config.Key == "" {
		config.Key = EmulatorKey
	}
	key, err := base64.StdEncoding.DecodeString(config.Key)
	if err != nil {
		return nil, errors.New("cosmosemulator: the account key is not base64")
	}
	if config.Log == nil {
		config.Log = slog.Default()
	}
	if config.Region == "" {
		config.Region = "South Central US"
	}
	if config.Consistency == "" {
		config.Consistency = "Strong"
	}
	if strength(config.Consistency) == 0 {
		return nil, fmt.Errorf("cosmosemulator: consistency %q is not known: Strong, BoundedStaleness, Session, ConsistentPrefix or Eventual", config.Consistency)
	}
	data, err := store.Open(store.Config{Clock: config.Clock, Dir: config.StateDir, Ranges: config.PartitionsPerContainer, Log: config.Log})
	if err != nil {
		return nil, fmt.Errorf("cosmosemulator: %w", err)
	}
	return &Server{config: config, key: key, store: data, log: config.Log}, nil
}

// Close ends the journal: with a StateDir, writes are refused from then on. Closing again does nothing.
func (s *Server) Close() error { return s.store.Close() }

// ComputeGateway is a second way to the same data, the dedicated gateway: there items of any id can be addressed. It is
// closed with the server.
func (s *Server) ComputeGateway() *Server {
	dedicated := *s
	dedicated.anyID = true
	dedicated.config.Endpoint = "" // clients must come back here
	return &dedicated
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	activity := activityID(r)
	c, err := s.accept(r)
	if err != nil {
		write(w, refused(err, activity), activity)
		return
	}
	fault := Fault{}
	if s.config.Faults != nil {
		fault = s.config.Faults.Fault(c.operation())
	}
	if !sleep(r.Context(), fault.Delay) {
		panic(http.ErrAbortHandler) // the client is gone
	}
	answer := fault.answer()
	if answer == nil && fault.Cut != CutRequest {
		answer, err = s.handle(c)
		if err != nil {
			answer = refused(err, activity)
		}
		if fault.Done != nil {
			fault.Done()
		}
	}
	switch fault.Cut {
	case CutRequest, LoseAnswer:
		panic(http.ErrAbortHandler)
	case CutAnswer:
		if len(answer.body) == 0 {
			panic(http.ErrAbortHandler)
		}
		answer.half = true
	}
	write(w, answer, activity)
}

// sleep waits; false is that the client did not.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
