package amqp

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMessageSurvivesEncoding(t *testing.T) {
	for _, want := range []Message{
		{ID: "id", ReplyTo: "me", Correlation: uint64(4), Properties: Map{{Key: "operation", Value: "READ"}}, Value: Map{{Key: "name", Value: "hub"}}},
		{Properties: Map{}},
	} {
		got, err := ParseMessage(AppendMessage(nil, want))
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%v (-want +got):\n%s", err, diff)
		}
	}
}

func TestNextSection(t *testing.T) {
	message := AppendSection(nil, SectionAnnotations, Map{{Key: Symbol("k"), Value: "v"}})
	message = AppendSection(message, SectionData, []byte("body"))
	first, rest, err := NextSection(message)
	if err != nil {
		t.Fatal(err)
	}
	annotations, err := first.Map()
	if err != nil || annotations.Text("k") != "v" || first.Code != SectionAnnotations || len(first.Raw)+len(rest) != len(message) {
		t.Errorf("%+v, %v, %v", first, annotations, err)
	}
	second, rest, err := NextSection(rest)
	if err != nil {
		t.Fatal(err)
	}
	body, err := second.Binary()
	if err != nil || string(body) != "body" || len(rest) != 0 {
		t.Errorf("%q, %d left, %v", body, len(rest), err)
	}
	if _, err := second.Map(); !errors.Is(err, ErrMalformed) {
		t.Errorf("data as a map: %v", err)
	}
	if _, err := first.Binary(); !errors.Is(err, ErrMalformed) {
		t.Errorf("annotations as data: %v", err)
	}
	if _, _, err := NextSection(Append(nil, Accepted())); !errors.Is(err, ErrMalformed) {
		t.Errorf("no section: %v", err)
	}
}

func TestAppendMapSection(t *testing.T) {
	want := Map{{Key: Symbol("a"), Value: int64(1)}, {Key: Symbol("b"), Value: "2"}}
	var pieces [2][]byte
	for i, entry := range want {
		pieces[i] = Append(Append(nil, entry.Key), entry.Value)
	}
	section, _, err := NextSection(AppendMapSection(nil, SectionAnnotations, 2, pieces[0], pieces[1]))
	if err != nil {
		t.Fatal(err)
	}
	got, err := section.Map()
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}

func FuzzMessage(f *testing.F) {
	f.Add(AppendMessage(nil, Message{ID: "id", ReplyTo: "me", Correlation: "you", Properties: Map{{Key: "a", Value: "b"}}, Value: "v"}))
	f.Fuzz(func(t *testing.T, encoded []byte) {
		m, err := ParseMessage(encoded)
		if err != nil {
			return
		}
		if m.Properties == nil {
			m.Properties = Map{}
		}
		again, err := ParseMessage(AppendMessage(nil, m))
		if err != nil {
			t.Fatal(err)
		}
		if string(AppendMessage(nil, again)) != string(AppendMessage(nil, m)) {
			t.Fatalf("%#v became %#v", m, again)
		}
	})
}
