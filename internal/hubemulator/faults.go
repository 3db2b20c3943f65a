package hubemulator

import (
	"strings"
	"sync"
	"time"

	"github.com/keywarden/keywarden/internal/hubemulator/amqp"
)

// Kind is what a client wants of the emulator.
type Kind string

// Kinds of operations.
const (
	OpClaim   Kind = "claim"   // put a token
	OpAttach  Kind = "attach"  // attach a link
	OpSend    Kind = "send"    // publish an event or a batch
	OpDeliver Kind = "deliver" // be sent one event
	OpManage  Kind = "manage"  // read properties
)

// Operation is one thing that a client wants. Of a claim only Kind and Hub are
// known, of a send without a partition id, Partition is where it will go.
type Operation struct {
	Kind      Kind
	Hub       string
	Group     string // consumer group
	Partition string
	Sequence  int64 // of the event to deliver
}

// Fault is what goes wrong with an operation. The zero Fault is nothing.
// Several fields may be set; what is impossible for an operation is ignored.
type Fault struct {
	Delay     time.Duration // before anything else
	Error     *amqp.Error   // the operation is refused: a claim or read with a status, an attach, a send by rejecting it, a delivery by detaching
	Detach    *amqp.Error   // the link is detached, and a send is not stored
	Cut       bool          // the connection breaks off, and a send is not stored
	Lost      bool          // a send is stored, and the connection breaks off before the answer
	Duplicate int           // an event is delivered so many more times
	Done      func()        // told when a send is stored, before the answer; nil where nobody asks
}

// Faults decides what goes wrong.
type Faults interface {
	// Fault is asked once for each operation, by many goroutines. It must be
	// quick: the connection waits.
	Fault(Operation) Fault
}

// FaultFunc is a function as Faults.
type FaultFunc func(Operation) Fault

// Fault calls f.
func (f FaultFunc) Fault(op Operation) Fault { return f(op) }

// Errors for faults, as the service words them.
var (
	ServerBusy = &amqp.Error{Condition: amqp.ConditionServerBusy,
		Description: "The request was terminated because the namespace is being throttled. Please wait 4 seconds and try again."}
	DetachForced = &amqp.Error{Condition: amqp.ConditionDetachForced,
		Description: "The link is force detached by the broker because the emulator was told to."}
	Unauthorized = &amqp.Error{Condition: amqp.ConditionUnauthorized,
		Description: "Unauthorized access. The emulator was told to refuse."}
)

// Step is a fault with the operations that it befalls.
type Step struct {
	On        Kind
	Hub       string // "" is any
	Partition string // "" is any
	After     int    // operations that pass first
	Times     int    // operations that are hit; 0 is one
	Fault     Fault
}

// Script is Faults that befall the operations of its steps and then no more.
type Script struct {
	mu    sync.Mutex
	steps []Step
	hits  int
}

// NewScript is a script of steps. Where several steps fit an operation, the
// first that is not used up counts it.
func NewScript(steps ...Step) *Script {
	s := &Script{}
	s.Add(steps...)
	return s
}

// Add appends steps.
func (s *Script) Add(steps ...Step) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, step := range steps {
		step.Times = max(step.Times, 1)
		s.steps = append(s.steps, step)
	}
}

// Hits is how many operations were hit.
func (s *Script) Hits() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hits
}

// Fault is the fault of the first step that op fits.
func (s *Script) Fault(op Operation) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.steps {
		step := &s.steps[i]
		if step.Times == 0 || step.On != op.Kind || step.Hub != "" && !strings.EqualFold(step.Hub, op.Hub) ||
			step.Partition != "" && step.Partition != op.Partition {
			continue
		}
		if step.After > 0 {
			step.After--
			return Fault{}
		}
		step.Times--
		s.hits++
		return step.Fault
	}
	return Fault{}
}
