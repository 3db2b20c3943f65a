package invocation

import (
	"encoding/base64"
	"encoding/json"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// asHost encodes a batch as the host does, with bodies in base64.
func asHost(tb testing.TB, b Batch) []byte {
	tb.Helper()
	wrapped := func(v any) string { return string(marshal(tb, v)) }
	var bodies, offsets, times []string
	var sequences []int64
	properties := []json.RawMessage{}
	for _, e := range b.Events {
		bodies = append(bodies, base64.StdEncoding.EncodeToString(e.Body))
		offsets = append(offsets, e.Offset)
		sequences = append(sequences, e.Sequence)
		times = append(times, e.Enqueued.Format("2006-01-02T15:04:05.9999999"))
		if e.Properties == nil {
			e.Properties = json.RawMessage("{}")
		}
		properties = append(properties, e.Properties)
	}
	return marshal(tb, map[string]any{
		"Data": map[string]any{"events": wrapped(bodies)},
		"Metadata": map[string]any{
			"PartitionContext": map[string]any{"IsCheckpointingAfterInvocation": true, "FullyQualifiedNamespace": b.Namespace,
				"EventHubName": b.Hub, "ConsumerGroup": b.ConsumerGroup, "PartitionId": b.Partition},
			"OffsetStringArray": wrapped(offsets), "SequenceNumberArray": wrapped(sequences),
			"EnqueuedTimeUtcArray": wrapped(times), "PropertiesArray": wrapped(properties),
			"RetryContext": map[string]any{"RetryCount": b.Retry.Count, "MaxRetryCount": b.Retry.Max, "Exception": map[string]any{"Message": "no"}},
		},
	})
}

func marshal(tb testing.TB, v any) []byte {
	tb.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}

// body is an invocation with a member of Metadata replaced.
func body(tb testing.TB, key, value string) []byte {
	tb.Helper()
	var sent map[string]map[string]json.RawMessage
	if err := json.Unmarshal(asHost(tb, batchOf("2", first("a"), second("b"))), &sent); err != nil {
		tb.Fatal(err)
	}
	sent["Metadata"][key] = json.RawMessage(value)
	if strings.HasPrefix(key, "OffsetA") {
		delete(sent["Metadata"], "OffsetStringArray")
	}
	return marshal(tb, sent)
}

func TestDecodeBatch_leaves_out_what_was_delivered_twice(t *testing.T) {
	at := func(n int64, text string) Event { e := first(text); e.Sequence = n; return e }
	sent := batchOf("2", at(59, "a"), at(60, "b"), at(61, "c"), at(60, "b"), at(61, "c"), at(62, "d"), at(62, "d"))
	got, err := DecodeEvents(asHost(t, sent))
	if err != nil {
		t.Fatal(err)
	}
	want := batchOf("2", at(59, "a"), at(60, "b"), at(61, "c"), at(62, "d"))
	if diff := cmp.Diff(want.Events, got.Events); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestDecodeBatch_takes_what_hosts_write_differently(t *testing.T) {
	for name, test := range map[string]struct{ key, value string }{
		"offsets_as_numbers":  {"OffsetArray", `"[616008,616500]"`},
		"offsets_as_strings":  {"OffsetArray", `"[\"616008\",\"616500\"]"`},
		"arrays_not_wrapped":  {"SequenceNumberArray", `[59,60]`},
		"sequences_as_string": {"SequenceNumberArray", `"[\"59\",\"60\"]"`},
		"times_with_zone":     {"EnqueuedTimeUtcArray", `"[\"2026-01-01T00:00:02.25Z\",\"2026-01-01T01:00:03+01:00\"]"`},
		"white_space":         {"SequenceNumberArray", `" [ 59 ,\n60 ] "`},
		"no_retry":            {"RetryContext", `null`},
		"unknown_member":      {"Later", `{"deep":[[["]"]]]}`},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := DecodeEvents(body(t, test.key, test.value))
			if err != nil {
				t.Fatal(err)
			}
			got.Retry = Retry{}
			if diff := cmp.Diff(batchOf("2", first("a"), second("b")), got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestDecodeBatch_refuses_what_it_cannot_place(t *testing.T) {
	for name, test := range map[string]struct{ key, value, says string }{
		"too_few_sequences": {"SequenceNumberArray", `"[59]"`, "2 events, but 1 sequence numbers"},
		"no_sequences":      {"SequenceNumberArray", `"[]"`, "0 sequence numbers"},
		"descending":        {"SequenceNumberArray", `"[60,59]"`, "in order"},
		"no_number":         {"SequenceNumberArray", `"[59,\"x\"]"`, "sequence number of event 2"},
		"beyond_int64":      {"SequenceNumberArray", `"[59,92233720368547758080]"`, "sequence number of event 2"},
		"object":            {"SequenceNumberArray", `"[{},60]"`, "SequenceNumberArray"},
		"no_array":          {"OffsetStringArray", `"59"`, "OffsetStringArray"},
		"no_time":           {"EnqueuedTimeUtcArray", `"[\"today\",\"2026-01-01T00:00:03\"]"`, `no time: "today"`},
		"no_partition":      {"PartitionContext", `"2"`, "PartitionContext"},
		"properties":        {"PropertiesArray", `"[{}]"`, "1 properties"},
		"retry":             {"RetryContext", `{"RetryCount":"many"}`, "RetryContext"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := DecodeEvents(body(t, test.key, test.value))
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("%v, want %q", err, test.says)
			}
		})
	}
}

func TestDecode_refuses_what_is_no_invocation(t *testing.T) {
	decoders := map[string]func([]byte) error{
		"batch":     func(b []byte) error { _, err := DecodeEvents(b); return err },
		"timer":     func(b []byte) error { _, err := DecodeTimer(b); return err },
		"documents": func(b []byte) error { _, err := DecodeDocuments(b); return err },
	}
	for _, text := range []string{
		"", " ", "null", "[]", "{", "{}", `{"Data"}`, `{"Data":}`, `{"Data":{}}`, `{"Data":{"events":`, `{"Data":null}`,
		`{"Data":{"events":"[","timer":[],"documents":"["},"Metadata":{}}`,
		`{"Data":{"events":"[\"e30=\"]","timer":{"ScheduleStatus":{"Last":"x"}},"documents":"[1]"},"Metadata":{}}`,
		`{"Data":{"events":"\ud8","timer":1,"documents":"\x"}}`,
		`{"Data":{"events":[],"timer":{},"documents":[]}} trailing`,
		strings.Repeat("[", 1<<20), strings.Repeat(`{"Data":`, 1<<16),
	} {
		for name, decode := range decoders {
			if err := decode([]byte(text)); err == nil {
				t.Errorf("%s: %.60q is taken", name, text)
			} else if len(err.Error()) > 300 {
				t.Errorf("%s: %.60q: the error has %d bytes", name, text, len(err.Error()))
			}
		}
	}
}

func TestDecodeBatch_makes_no_second_copy(t *testing.T) {
	const events = 8
	bodies := make([]Event, events)
	for i := range bodies {
		bodies[i] = first("")
		bodies[i].Sequence = int64(i)
	}
	sent := string(asHost(t, batchOf("2", bodies...)))
	want := strings.Repeat("0123456 ", 750<<10/8) // a megabyte in base64
	large := strings.Repeat(`,\"`+base64.StdEncoding.EncodeToString([]byte(want))+`\"`, events)
	sent = strings.Replace(sent, strings.Repeat(`,\"\"`, events)[1:], large[1:], 1)
	if len(sent) < 8e6 {
		t.Fatalf("a body of %d bytes only", len(sent))
	}
	body := []byte(sent)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	got, err := DecodeEvents(body)
	runtime.ReadMemStats(&after)
	if err != nil {
		t.Fatal(err)
	}
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 1<<20 {
		t.Errorf("%d bytes allocated", allocated)
	}
	for i := range got.Events {
		if string(got.Events[i].Body) != want {
			t.Fatalf("event %d differs", i)
		}
	}
}
