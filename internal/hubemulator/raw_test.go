package hubemulator_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/amqp"
)

// raw is a client that says what a test has it say.
type raw struct {
	t *testing.T
	net.Conn
}

func dialRaw(t *testing.T, server *hubemulator.Server) *raw {
	t.Helper()
	netConn, err := server.Dial(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return newRaw(t, netConn)
}

func newRaw(t *testing.T, netConn net.Conn) *raw {
	t.Helper()
	t.Cleanup(func() { _ = netConn.Close() })
	if err := netConn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return &raw{t: t, Conn: netConn}
}

func (r *raw) say(b ...[]byte) {
	r.t.Helper()
	for _, part := range b {
		if _, err := r.Write(part); err != nil {
			r.t.Fatalf("write %x: %v", part, err)
		}
	}
}

// header says a protocol header and expects it back.
func (r *raw) header(header [8]byte) {
	r.t.Helper()
	r.say(header[:])
	var got [8]byte
	if _, err := io.ReadFull(r, got[:]); err != nil || got != header {
		r.t.Fatalf("header %q: %v", got, err)
	}
}

// frame is the next frame that is not empty.
func (r *raw) frame() amqp.Performative {
	r.t.Helper()
	for {
		frame, err := amqp.ReadFrame(r, 1<<16)
		if err != nil {
			r.t.Fatalf("read a frame: %v", err)
		}
		if frame.Body != nil {
			return frame.Body
		}
	}
}

func (r *raw) send(channel uint16, performatives ...amqp.Performative) {
	r.t.Helper()
	for _, p := range performatives {
		r.say(amqp.AppendFrame(nil, amqp.FrameAMQP, channel, p))
	}
}

// sasl introduces itself.
func (r *raw) sasl() {
	r.t.Helper()
	r.header(amqp.ProtocolSASL)
	if _, ok := r.frame().(*amqp.SASLMechanisms); !ok {
		r.t.Fatal("no mechanisms")
	}
	r.say(amqp.AppendFrame(nil, amqp.FrameSASL, 0, &amqp.SASLInit{Mechanism: "ANONYMOUS"}))
	if outcome, ok := r.frame().(*amqp.SASLOutcome); !ok || outcome.Code != 0 {
		r.t.Fatalf("outcome %+v", outcome)
	}
	r.header(amqp.ProtocolAMQP)
}

// open opens the connection, with a session on channel 0.
func (r *raw) open() *raw {
	r.t.Helper()
	r.sasl()
	r.send(0, &amqp.Open{Container: "test", MaxFrameSize: 1 << 16, ChannelMax: 10})
	if _, ok := r.frame().(*amqp.Open); !ok {
		r.t.Fatal("not opened")
	}
	r.send(0, &amqp.Begin{IncomingWindow: 100, OutgoingWindow: 100, HandleMax: 10})
	if _, ok := r.frame().(*amqp.Begin); !ok {
		r.t.Fatal("not begun")
	}
	return r
}

// sender attaches a link to $cbs, which needs no claim, to send on.
func (r *raw) sender(handle uint32) {
	r.t.Helper()
	r.send(0, &amqp.Attach{Name: "s", Handle: handle, Source: &amqp.Source{}, Target: &amqp.Target{Address: "$cbs"}, DeliveryCount: new(uint32)})
	if attach, ok := r.frame().(*amqp.Attach); !ok || attach.Target == nil {
		r.t.Fatalf("not attached: %+v", attach)
	}
	if flow, ok := r.frame().(*amqp.Flow); !ok || flow.LinkCredit == nil || *flow.LinkCredit == 0 {
		r.t.Fatalf("no credit: %+v", flow)
	}
}

// conditionOf is why the server ended a connection, a session or a link, and
// which.
func conditionOf(p amqp.Performative) string {
	switch p := p.(type) {
	case *amqp.Close:
		if p.Error != nil {
			return "close " + string(p.Error.Condition)
		}
		return "close"
	case *amqp.End:
		if p.Error != nil {
			return "end " + string(p.Error.Condition)
		}
		return "end"
	case *amqp.Detach:
		if p.Error != nil {
			return "detach " + string(p.Error.Condition)
		}
		return "detach"
	}
	return ""
}

func number(n uint32) *uint32 { return &n }

func transfer(handle, id uint32, more bool, payload []byte) []byte {
	frame, _ := amqp.AppendTransfer(nil, 0, amqp.Transfer{Handle: handle, DeliveryID: &id, DeliveryTag: []byte("t"), MessageFormat: new(uint32)}, 1<<16, payload)
	if !more {
		return frame
	}
	b := amqp.AppendFrame(nil, amqp.FrameAMQP, 0, &amqp.Transfer{Handle: handle, DeliveryID: &id, More: true})
	b = append(b, payload...)
	b[2], b[3] = byte(len(b)>>8), byte(len(b))
	return b
}

func TestBadInput(t *testing.T) {
	flow := &amqp.Flow{NextIncoming: number(0), IncomingWindow: 1}
	for name, test := range map[string]struct {
		do   func(r *raw)
		want string
	}{
		"garbage_after_open":           {func(r *raw) { r.say([]byte("GET / HT")) }, "close amqp:connection:framing-error"},
		"frame_too_large":              {func(r *raw) { r.say([]byte{0x7f, 0, 0, 0, 2, 0, 0, 0}) }, "close amqp:connection:framing-error"},
		"frame_smaller_than_itself":    {func(r *raw) { r.say([]byte{0, 0, 0, 1, 2, 0, 0, 0}) }, "close amqp:connection:framing-error"},
		"sasl_frame":                   {func(r *raw) { r.say(amqp.AppendFrame(nil, amqp.FrameSASL, 0, &amqp.SASLOutcome{})) }, "close amqp:connection:framing-error"},
		"unknown_performative":         {func(r *raw) { r.say([]byte{0, 0, 0, 12, 2, 0, 0, 0, 0, 0x53, 0x50, 0x45}) }, "close amqp:decode-error"},
		"missing_field":                {func(r *raw) { r.say([]byte{0, 0, 0, 12, 2, 0, 0, 0, 0, 0x53, 0x12, 0x45}) }, "close amqp:decode-error"},
		"second_open":                  {func(r *raw) { r.send(0, &amqp.Open{Container: "again", MaxFrameSize: 512}) }, "close amqp:illegal-state"},
		"begin_on_a_channel_in_use":    {func(r *raw) { r.send(0, &amqp.Begin{HandleMax: 1}) }, "close amqp:illegal-state"},
		"begin_beyond_channel_max":     {func(r *raw) { r.send(60000, &amqp.Begin{HandleMax: 1}) }, "close amqp:connection:framing-error"},
		"answer_to_no_begin":           {func(r *raw) { r.send(1, &amqp.Begin{RemoteChannel: new(uint16), HandleMax: 1}) }, "close amqp:illegal-state"},
		"attach_without_session":       {func(r *raw) { r.send(9, &amqp.Attach{Name: "x"}) }, "close amqp:illegal-state"},
		"sasl_init_in_session":         {func(r *raw) { r.send(0, &amqp.SASLInit{Mechanism: "X"}) }, "close amqp:not-allowed"},
		"handle_beyond_max":            {func(r *raw) { r.send(0, &amqp.Attach{Name: "x", Handle: 256}) }, "end amqp:not-allowed"},
		"handle_in_use":                {func(r *raw) { r.sender(1); r.send(0, &amqp.Attach{Name: "x", Handle: 1}) }, "end amqp:session:handle-in-use"},
		"transfer_without_link":        {func(r *raw) { r.say(transfer(4, 0, false, nil)) }, "end amqp:session:unattached-handle"},
		"detach_without_link":          {func(r *raw) { r.send(0, &amqp.Detach{Handle: 4, Closed: true}) }, "end amqp:session:unattached-handle"},
		"flow_without_link":            {func(r *raw) { f := *flow; f.Handle = number(4); r.send(0, &f) }, "end amqp:session:unattached-handle"},
		"transfer_without_delivery_id": {func(r *raw) { r.sender(1); r.send(0, &amqp.Transfer{Handle: 1}) }, "end amqp:invalid-field"},
		"second_sender_to_cbs":         {func(r *raw) { r.sender(1); r.attach(2, "$cbs") }, "detach amqp:not-allowed"},
		"sender_without_claim":         {func(r *raw) { r.attach(1, "hub/Partitions/0") }, "detach amqp:unauthorized-access"},
		"sender_to_nowhere":            {func(r *raw) { r.attach(1, "a/b/c/d/e/f") }, "detach amqp:not-found"},
		"sender_to_no_address":         {func(r *raw) { r.attach(1, "") }, "detach amqp:not-found"},
		"message_too_large": {func(r *raw) {
			r.sender(1)
			for range 17 {
				r.say(transfer(1, 0, true, make([]byte, 65000)))
			}
		}, "detach amqp:link:message-size-exceeded"},
		"too_many_links": {func(r *raw) {
			for channel := range uint16(4) {
				if channel > 0 {
					r.send(channel, &amqp.Begin{HandleMax: 255})
				}
				for handle := range uint32(256) {
					r.send(channel, &amqp.Attach{Name: "x", Handle: handle, Source: &amqp.Source{}})
				}
			}
		}, "end amqp:resource-limit-exceeded"},
		"messages_without_end": {func(r *raw) {
			for handle := range uint32(20) {
				r.send(0, &amqp.Attach{Name: "x", Handle: handle, Target: &amqp.Target{Address: "$management"}, DeliveryCount: new(uint32)})
				for range 16 {
					r.say(transfer(handle, handle, true, make([]byte, 65000)))
				}
			}
		}, "detach amqp:resource-limit-exceeded"},
		"transfer_on_a_receiver": {func(r *raw) {
			r.send(0, &amqp.Attach{Name: "r", Handle: 1, Receiver: true, Source: &amqp.Source{Address: "$cbs"}, Target: &amqp.Target{Address: "me"}})
			r.frame()
			r.say(transfer(1, 0, false, nil))
		}, "end amqp:not-allowed"},
		"close": {func(r *raw) { r.send(0, &amqp.Close{}) }, "close"},
		"end":   {func(r *raw) { r.send(0, &amqp.End{}) }, "end"},
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, hubemulator.Config{Hubs: oneHub(1)})
			r := dialRaw(t, server).open()
			test.do(&raw{t: t, Conn: forgiving{r.Conn}})
			for got := ""; got != test.want; {
				got = conditionOf(r.frame())
				if got != "" && got != "detach amqp:not-found" && got != test.want { // one may be refused before
					t.Fatalf("%s, want %s", got, test.want)
				}
			}
		})
	}
}

// forgiving is a connection whose writes do not fail: the server may have
// enough before all is said.
type forgiving struct{ net.Conn }

func (f forgiving) Write(b []byte) (int, error) {
	_ = f.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = f.Conn.Write(b)
	return len(b), nil
}

func (r *raw) attach(handle uint32, target string) {
	r.t.Helper()
	r.send(0, &amqp.Attach{Name: "x", Handle: handle, Source: &amqp.Source{}, Target: &amqp.Target{Address: target}, DeliveryCount: new(uint32)})
}

func TestBadHandshakes(t *testing.T) {
	for name, test := range map[string]struct {
		do   func(r *raw)
		want string // what the server sends last, in part
	}{
		"http":     {func(r *raw) { r.say([]byte("POST / H")) }, string(amqp.ProtocolSASL[:])},
		"amqp_0_9": {func(r *raw) { r.say([]byte("AMQP\x00\x00\x09\x01")) }, string(amqp.ProtocolSASL[:])},
		"no_sasl":  {func(r *raw) { r.say(amqp.ProtocolAMQP[:]) }, string(amqp.ProtocolSASL[:])},
		"other_mechanism": {func(r *raw) {
			r.header(amqp.ProtocolSASL)
			r.frame()
			r.say(amqp.AppendFrame(nil, 1, 0, &amqp.SASLInit{Mechanism: "PLAIN"}))
		}, "\x53\x44"},
		"begin_first":    {func(r *raw) { r.sasl(); r.send(0, &amqp.Begin{HandleMax: 1}) }, "amqp:illegal-state"},
		"open_no_list":   {func(r *raw) { r.sasl(); r.say([]byte{0, 0, 0, 12, 2, 0, 0, 0, 0, 0x53, 0x10, 0x40}) }, "amqp:decode-error"},
		"open_too_large": {func(r *raw) { r.sasl(); r.say([]byte{0, 2, 0, 0, 2, 0, 0, 0}) }, "amqp:connection:framing-error"},
		"tiny_frames":    {func(r *raw) { r.sasl(); r.send(0, &amqp.Open{Container: "x", MaxFrameSize: 100}) }, "amqp:invalid-field"},
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, hubemulator.Config{})
			r := dialRaw(t, server)
			test.do(r)
			got, err := io.ReadAll(readOnly{r})
			if err != nil && !errors.Is(err, io.ErrClosedPipe) {
				t.Fatal(err)
			}
			if !bytes.Contains(got, []byte(test.want)) {
				t.Errorf("%q, want %q in it", got, test.want)
			}
		})
	}
}

type readOnly struct{ io.Reader }

// A client that does not give credit back is not sent more, and one that
// leaves is forgotten.
func TestNothingIsLeftBehind(t *testing.T) {
	before := runtime.NumGoroutine()
	server, err := hubemulator.New(hubemulator.Config{Hubs: oneHub(4)})
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		dialRaw(t, server).open().Close() //nolint:errcheck // a client that vanishes
		dialRaw(t, server).Close()        //nolint:errcheck // before it said a word
	}
	dialRaw(t, server).open() // stays
	dialRaw(t, server).sasl() // half open
	waitFor(t, "connections to end", func() bool { return server.Connections() == 2 })
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}

func TestTooManyConnections(t *testing.T) {
	server := newServer(t, hubemulator.Config{Limits: hubemulator.Limits{Connections: 2}})
	for range 2 {
		dialRaw(t, server).open()
	}
	for range 2 {
		r := dialRaw(t, server)
		r.sasl()
		r.send(0, &amqp.Open{Container: "test", MaxFrameSize: 1 << 16})
		r.frame()
		if got := conditionOf(r.frame()); got != "close amqp:resource-limit-exceeded" {
			t.Errorf("one too many is told %s", got)
		}
		r.Close() //nolint:errcheck // a test's
	}
	waitFor(t, "those refused to go", func() bool { return server.Connections() == 2 })
	for range 2 {
		dialRaw(t, server) // says nothing
	}
	if _, err := server.Dial(context.Background()); err == nil {
		t.Error("one far too many was let in")
	}
}

// Of ten thousand clients the service takes five thousand and says so to the
// others; what they cost is bounded, and they leave nothing behind.
func TestTenThousandConnections(t *testing.T) {
	const many = 10_000
	server, err := hubemulator.New(hubemulator.Config{})
	if err != nil {
		t.Fatal(err)
	}
	before, goroutines := memory(), runtime.NumGoroutine()
	kept, refused := make([]*raw, 0, many), 0
	for range many {
		r := dialRaw(t, server)
		kept = append(kept, r)
		r.sasl()
		r.send(0, &amqp.Open{Container: "test", MaxFrameSize: 1 << 16})
		r.frame()
		if len(kept)-refused > 5000 {
			if got := conditionOf(r.frame()); got != "close amqp:resource-limit-exceeded" {
				t.Fatalf("connection %d is told %q", len(kept), got)
			}
			refused++
		}
	}
	if each := (memory() - before) / (many - int64(refused)); each > 32<<10 {
		t.Errorf("a connection costs %d bytes", each)
	}
	for _, r := range kept {
		r.Close() //nolint:errcheck // it vanishes
	}
	waitFor(t, "connections to end", func() bool { return server.Connections() == 0 })
	if err := server.Close(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "goroutines to end", func() bool { return runtime.NumGoroutine() <= goroutines })
}

// memory is what is in use, in bytes.
func memory() int64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapInuse + stats.StackInuse)
}

// Those who are slow, or silent, are cut off.
func TestSlowClients(t *testing.T) {
	limits := hubemulator.Limits{Handshake: 50 * time.Millisecond, Idle: 50 * time.Millisecond, Write: 50 * time.Millisecond}
	server := newServer(t, hubemulator.Config{Hubs: oneHub(1), Limits: limits})
	t.Run("half_open", func(t *testing.T) {
		r := dialRaw(t, server)
		r.header(amqp.ProtocolSASL)
		if rest, err := io.ReadAll(readOnly{r}); err != nil || !bytes.Contains(rest, []byte("ANONYMOUS")) {
			t.Errorf("%q, %v", rest, err)
		}
	})
	t.Run("silent", func(t *testing.T) {
		if got := conditionOf(dialRaw(t, server).open().frame()); got != "close amqp:connection:forced" {
			t.Errorf("%s", got)
		}
	})
	t.Run("does_not_read", func(t *testing.T) {
		r := dialRaw(t, server).open()
		for range 100 {
			if _, err := r.Write(amqp.AppendFrame(nil, amqp.FrameAMQP, 0, &amqp.Flow{NextIncoming: number(0), Echo: true})); err != nil {
				break
			}
		}
		waitFor(t, "the server to cut it off", func() bool { return server.Connections() == 0 })
	})
}

func TestKeepAlive(t *testing.T) {
	server := newServer(t, hubemulator.Config{})
	r := dialRaw(t, server)
	r.sasl()
	r.send(0, &amqp.Open{Container: "test", MaxFrameSize: 1 << 16, IdleTimeout: 20})
	r.frame()
	for range 3 {
		if frame, err := amqp.ReadFrame(r, 1<<16); err != nil || frame.Body != nil {
			t.Fatalf("%+v, %v; want an empty frame", frame, err)
		}
	}
}

func TestDrainAndEcho(t *testing.T) {
	server := newServer(t, hubemulator.Config{Hubs: oneHub(1)})
	r := dialRaw(t, server).open()
	r.send(0, &amqp.Attach{Name: "r", Handle: 1, Receiver: true, Source: &amqp.Source{Address: "$cbs"}, Target: &amqp.Target{Address: "me"}})
	r.frame()
	r.send(0, &amqp.Flow{NextIncoming: number(0), IncomingWindow: 1000, Handle: number(1), DeliveryCount: number(0), LinkCredit: number(7), Drain: true})
	if flow := r.frame().(*amqp.Flow); *flow.DeliveryCount != 7 || *flow.LinkCredit != 0 || !flow.Drain {
		t.Errorf("drained: %+v", flow)
	}
	r.send(0, &amqp.Flow{NextIncoming: number(0), IncomingWindow: 1000, Echo: true})
	if flow := r.frame().(*amqp.Flow); flow.Handle != nil || flow.IncomingWindow == 0 {
		t.Errorf("session: %+v", flow)
	}
}

// A client may send more messages than its credit and its session's window
// once were: it is granted new ones in time.
func TestGrants(t *testing.T) {
	const messages = 5000
	server := newServer(t, hubemulator.Config{Hubs: oneHub(1)})
	r := dialRaw(t, server).open()
	r.sender(1)
	answered := make(chan uint32, messages)
	go func() {
		quiet := &raw{t: t, Conn: forgiving{r.Conn}}
		for id := range uint32(messages) {
			if id >= 500 {
				<-answered // so that there is credit
			}
			quiet.say(transfer(1, id, false, []byte("no message")))
		}
	}()
	links, sessions := 0, 0
	for answers := 0; answers < messages; {
		switch p := r.frame().(type) {
		case *amqp.Disposition:
			answers++
			answered <- p.First
		case *amqp.Flow:
			if p.Handle != nil {
				links++
			} else {
				sessions++
			}
		default:
			t.Fatalf("%T: %s", p, conditionOf(p))
		}
	}
	if links < 9 || sessions < 4 {
		t.Errorf("%d messages with %d grants of credit and %d of the window", messages, links, sessions)
	}
}

// A request is accepted although nobody waits for the answer any more: the
// client knows that itself, and takes a refusal for one of what it asked.
func TestAnswerToNobody(t *testing.T) {
	server := newServer(t, hubemulator.Config{Hubs: oneHub(1)})
	r := dialRaw(t, server).open()
	r.sender(1)
	r.say(transfer(1, 0, false, amqp.AppendMessage(nil, amqp.Message{ID: "id", ReplyTo: "gone", Properties: amqp.Map{}})))
	disposition, ok := r.frame().(*amqp.Disposition)
	if !ok || !disposition.Settled {
		t.Fatalf("%+v", disposition)
	}
	if diff := cmp.Diff(any(amqp.Accepted()), disposition.State); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Whatever a client says, the server answers it, or ends the connection.
func FuzzClient(f *testing.F) {
	f.Add(amqp.AppendFrame(nil, amqp.FrameAMQP, 0, &amqp.Attach{Name: "x", Target: &amqp.Target{Address: "$cbs"}, Source: &amqp.Source{}}))
	f.Add(append(amqp.AppendFrame(nil, amqp.FrameAMQP, 0, &amqp.Attach{Name: "x", Target: &amqp.Target{Address: "$cbs"}, Source: &amqp.Source{}}), transfer(0, 0, false, []byte("x"))...))
	f.Add(amqp.AppendFrame(nil, amqp.FrameAMQP, 0, &amqp.End{}))
	server, err := hubemulator.New(hubemulator.Config{Hubs: oneHub(1)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = server.Close() })
	f.Fuzz(func(t *testing.T, said []byte) {
		r := dialRaw(t, server).open()
		go func() {
			_, _ = r.Write(said)
			_, _ = r.Write(amqp.AppendFrame(nil, amqp.FrameAMQP, 0, &amqp.Close{}))
			_, _ = r.Write(make([]byte, 1<<16)) // ends a frame that was left open
		}()
		_, _ = io.Copy(io.Discard, readOnly{r})
	})
}
