package amqp

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func number(n uint32) *uint32 { return &n }

// performatives has one of every type, with all fields and with few.
func performatives() []Performative {
	channel := uint16(3)
	refusal := &Error{Condition: ConditionNotFound, Description: "gone"}
	properties := Map{{Key: Symbol("k"), Value: "v"}}
	return []Performative{
		&Open{Container: "c", Host: "h", MaxFrameSize: 1 << 16, ChannelMax: 9, IdleTimeout: 1000, Properties: properties},
		&Open{Container: "c", MaxFrameSize: 512, ChannelMax: 1},
		&Begin{RemoteChannel: &channel, NextOutgoing: 1, IncomingWindow: 2, OutgoingWindow: 3, HandleMax: 4},
		&Begin{HandleMax: 1},
		&Attach{
			Name: "n", Handle: 1, Receiver: true, SenderMode: SenderSettled, ReceiverMode: ReceiverSecond,
			Source: &Source{
				Address: "a", Durable: 1, Expiry: "never", Timeout: 3, Dynamic: true, Properties: properties, Distribution: "copy",
				Filter: properties, Outcome: "o", Outcomes: []Symbol{"x"}, Capabilities: []Symbol{"y", "z"},
			},
			Target:        &Target{Address: "t", Durable: 2, Expiry: "never", Timeout: 4, Dynamic: true, Properties: properties, Capabilities: []Symbol{"y"}},
			DeliveryCount: number(5), MaxMessageSize: 1 << 40, Offered: []Symbol{"o"}, Desired: []Symbol{"d"}, Properties: properties,
		},
		&Attach{Name: "n", SenderMode: SenderMixed},
		&Flow{NextIncoming: number(1), IncomingWindow: 2, NextOutgoing: 3, OutgoingWindow: 4, Handle: number(5), DeliveryCount: number(6), LinkCredit: number(7), Drain: true, Echo: true},
		&Flow{},
		&Transfer{Handle: 1, DeliveryID: number(2), DeliveryTag: []byte{3}, MessageFormat: number(4), Settled: true, More: true, Aborted: true},
		&Transfer{},
		&Disposition{Receiver: true, First: 1, Last: number(2), Settled: true, State: Accepted()},
		&Disposition{State: Rejected(refusal)},
		&Detach{Handle: 1, Closed: true, Error: refusal},
		&Detach{},
		&End{Error: refusal},
		&End{},
		&Close{Error: &Error{Condition: ConditionInternal}},
		&Close{},
		&SASLMechanisms{Mechanisms: []Symbol{"A", "B"}},
		&SASLInit{Mechanism: "A", Response: []byte("r")},
		&SASLOutcome{Code: 1},
	}
}

func TestFramesSurviveEncoding(t *testing.T) {
	for _, want := range performatives() {
		encoded := AppendFrame(nil, FrameAMQP, 7, want)
		got, err := ReadFrame(bytes.NewReader(encoded), 1<<16)
		if err != nil {
			t.Errorf("%T %x: %v", want, encoded, err)
			continue
		}
		if diff := cmp.Diff(Frame{Channel: 7, Body: want, Payload: []byte{}}, got); diff != "" {
			t.Errorf("%T (-want +got):\n%s", want, diff)
		}
	}
}

func TestEmptyFrame(t *testing.T) {
	encoded := AppendFrame(nil, FrameAMQP, 0, nil)
	if want := []byte{0, 0, 0, 8, 2, 0, 0, 0}; !bytes.Equal(encoded, want) {
		t.Errorf("%x, want %x", encoded, want)
	}
	frame, err := ReadFrame(bytes.NewReader(encoded), 512)
	if err != nil || frame.Body != nil {
		t.Errorf("%+v, %v", frame, err)
	}
}

func TestReadFrameRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		encoded []byte
		want    error
	}{
		"the_end":                  {nil, io.EOF},
		"half_a_header":            {[]byte{0, 0, 0}, io.ErrUnexpectedEOF},
		"half_a_body":              {[]byte{0, 0, 0, 20, 2, 0, 0, 0, 1}, io.ErrUnexpectedEOF},
		"too_large":                {[]byte{0, 1, 0, 1, 2, 0, 0, 0}, ErrFraming},
		"smaller_than_its_header":  {[]byte{0, 0, 0, 7, 2, 0, 0, 0}, ErrFraming},
		"body_before_header_ends":  {[]byte{0, 0, 0, 9, 1, 0, 0, 0, 0}, ErrFraming},
		"body_after_the_end":       {[]byte{0, 0, 0, 9, 3, 0, 0, 0, 0}, ErrFraming},
		"http":                     {[]byte("GET / HTTP/1.1\r\n"), ErrFraming},
		"no_performative":          {[]byte{0, 0, 0, 9, 2, 0, 0, 0, 0x41}, ErrTruncated},
		"unknown_performative":     {[]byte{0, 0, 0, 12, 2, 0, 0, 0, 0, 0x53, 0x50, 0x45}, ErrMalformed},
		"missing_field":            {[]byte{0, 0, 0, 12, 2, 0, 0, 0, 0, 0x53, codeOpen, 0x45}, ErrMalformed},
		"field_of_another_type":    {[]byte{0, 0, 0, 15, 2, 0, 0, 0, 0, 0x53, codeDetach, 0xc0, 2, 1, 0x41}, ErrMalformed},
		"performative_not_a_list":  {[]byte{0, 0, 0, 12, 2, 0, 0, 0, 0, 0x53, codeEnd, 0x40}, ErrMalformed},
		"descriptor_that_is_named": {[]byte{0, 0, 0, 13, 2, 0, 0, 0, 0, 0xa3, 1, 'x', 0x45}, ErrMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			if frame, err := ReadFrame(bytes.NewReader(test.encoded), 1<<16); !errors.Is(err, test.want) {
				t.Errorf("%+v, %v; want %v", frame, err, test.want)
			}
		})
	}
}

func TestAppendTransferSplits(t *testing.T) {
	for _, size := range []int{0, 1, 400, 470, 480, 490, 500, 512, 5000} {
		message := bytes.Repeat([]byte{'m'}, size)
		encoded, frames := AppendTransfer(nil, 3, Transfer{Handle: 1, DeliveryID: number(70000), DeliveryTag: []byte("tag"), MessageFormat: number(0), Settled: true}, MinFrameSize, message)
		var got []byte
		r := bytes.NewReader(encoded)
		for i := range frames {
			frame, err := ReadFrame(r, MinFrameSize)
			if err != nil {
				t.Fatalf("%d bytes, frame %d: %v", size, i, err)
			}
			transfer := frame.Body.(*Transfer)
			if first, last := i == 0, i == frames-1; first != (transfer.DeliveryID != nil) || last == transfer.More || !transfer.Settled {
				t.Errorf("%d bytes, frame %d of %d: %+v", size, i, frames, transfer)
			}
			got = append(got, frame.Payload...)
		}
		if !bytes.Equal(got, message) || r.Len() > 0 {
			t.Errorf("%d bytes: %d came, %d are left", size, len(got), r.Len())
		}
	}
}

func TestTransferDoesNotAllocateMuch(t *testing.T) {
	buffer, message, tag := make([]byte, 0, 4096), make([]byte, 1024), []byte("tag")
	id, format := uint32(70000), uint32(0)
	if allocations := testing.AllocsPerRun(100, func() {
		buffer, _ = AppendTransfer(buffer[:0], 3, Transfer{Handle: 1, DeliveryID: &id, DeliveryTag: tag, MessageFormat: &format}, 1<<16, message)
	}); allocations > 4 {
		t.Errorf("%v allocations", allocations)
	}
}

func FuzzPerformative(f *testing.F) {
	for _, p := range performatives() {
		f.Add(AppendPerformative(nil, p))
	}
	f.Fuzz(func(t *testing.T, encoded []byte) {
		p, _, err := ParsePerformative(encoded)
		if err != nil {
			return
		}
		again := AppendPerformative(nil, p)
		second, rest, err := ParsePerformative(again)
		if err != nil || len(rest) > 0 {
			t.Fatalf("%x came back as %x, which does not decode: %v, %d bytes left", encoded, again, err, len(rest))
		}
		if third := AppendPerformative(nil, second); !bytes.Equal(again, third) {
			t.Fatalf("%x became %x and then %x", encoded, again, third)
		}
	})
}

func FuzzReadFrame(f *testing.F) {
	f.Add([]byte{0, 0, 0, 8, 2, 0, 0, 0})
	f.Add(AppendFrame(nil, FrameSASL, 0, &SASLOutcome{}))
	f.Fuzz(func(t *testing.T, stream []byte) {
		for r := bytes.NewReader(stream); ; {
			if _, err := ReadFrame(r, 1<<16); err != nil {
				return
			}
		}
	})
}
