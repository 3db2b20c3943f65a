package cosmosemulator

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/keywarden/keywarden/internal/cosmosemulator/store"
)

// Operation is what a request wants, for deciding whether it fails.
type Operation struct {
	Verb      string // HTTP method
	Resource  string // dbs, colls, docs, pkranges, offers, "" for the account
	Database  string
	Container string
	Item      string // id, where the request names one, in its path or as the item's own
	Kind      string // Create, Read, Replace, Upsert, Delete, Patch, Batch, Query, ChangeFeed, List
	Partition string // the partition key header as it came
}

// Cut says where a connection is cut.
type Cut int

// Where a connection is cut.
const (
	NoCut      Cut = iota
	CutRequest     // before anything is done
	LoseAnswer     // after it is done, before the answer
	CutAnswer      // after it is done, in the middle of the answer's body, or before the answer if it has none
)

// Fault is what goes wrong with one request. The zero value is nothing.
type Fault struct {
	Delay time.Duration // before everything else

	// With a Status, it is answered and nothing is done: 410 with SubStatus 1002, 1007 or 1008, 429, 449, 503 …
	Status     int
	SubStatus  int
	RetryAfter time.Duration // x-ms-retry-after-ms; 0 sends none
	Message    string        // "" is one that fits the status

	Cut Cut

	// Done is told when the request was done, before its answer; nil where nobody asks.
	Done func()
}

// Faults decides for every authenticated request what goes wrong with it. It is called by many goroutines.
type Faults interface {
	Fault(Operation) Fault
}

// FaultFunc is a function as Faults.
type FaultFunc func(Operation) Fault

// Fault implements Faults.
func (f FaultFunc) Fault(o Operation) Fault { return f(o) }

// Throttled is the service's answer to too many request units.
func Throttled(retryAfter time.Duration) Fault {
	return Fault{Status: http.StatusTooManyRequests, SubStatus: 3200, RetryAfter: retryAfter,
		Message: "Request rate is large. More Request Units may be needed, so no changes were made. Please retry this request later."}
}

// PartitionGone is the service's answer where a physical partition was split or moved.
func PartitionGone() Fault {
	return Fault{Status: http.StatusGone, SubStatus: 1002, Message: "The requested resource is no longer available at the server."}
}

// Script is Faults in order: each request that When accepts takes the next one, after the last nothing goes wrong.
type Script struct {
	When   func(Operation) bool // nil is every request for items
	Faults []Fault

	mu   sync.Mutex
	next int
}

// Fault implements Faults.
func (s *Script) Fault(o Operation) Fault {
	if s.When == nil && o.Resource != "docs" || s.When != nil && !s.When(o) {
		return Fault{}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.next == len(s.Faults) {
		return Fault{}
	}
	s.next++
	return s.Faults[s.next-1]
}

// Left is how many faults are still to come.
func (s *Script) Left() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.Faults) - s.next
}

// answer is what a fault answers in place of the request's own; nil is nothing.
func (f Fault) answer() *answer {
	if f.Status == 0 {
		return nil
	}
	message := f.Message
	if message == "" {
		message = "A scripted fault."
	}
	a := refusal(store.Refuse(f.Status, f.SubStatus, "%s", message))
	if f.RetryAfter > 0 {
		a.set("x-ms-retry-after-ms", strconv.FormatInt(f.RetryAfter.Milliseconds(), 10))
	}
	return a
}
