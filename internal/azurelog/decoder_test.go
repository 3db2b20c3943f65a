package azurelog

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/keywarden/keywarden/detectors"
)

const (
	account = "/subscriptions/11111111-2222-3333-4444-555555555555/resourcegroups/rg-ai/providers/microsoft.cognitiveservices/accounts/aoai-1"
	service = "/subscriptions/11111111-2222-3333-4444-555555555555/resourcegroups/rg-ai/providers/microsoft.apimanagement/service/apim-1"
)

// at is a time on 2026-09-07.
func at(clock string) detectors.Time {
	t, err := time.Parse(time.RFC3339Nano, "2026-09-07T"+clock+"Z")
	if err != nil {
		panic(err)
	}
	return detectors.TimeOf(t)
}

// id is the correlation id of the samples that ends so.
func id(last byte) Correlation {
	return Correlation{0x0f, 0x0e, 0x2a, 0x7c, 0x9a, 0x4e, 0x4b, 0x7d, 0x8a, 0x53, 14: 0xa0, 15: last}
}

// samples are what the streams in testdata decode to.
var samples = map[string][]Fragment{
	"request-response.json": {{
		Category: RequestResponse, Logged: at("00:00:35.524"), Resource: account, Correlation: id(1),
		Call: detectors.Call{
			Time: at("00:00:32.897"), DurationMs: 2838, Status: 200,
			Operation: "ChatCompletions_Create", Class: detectors.ClassChat, Model: "gpt-4o", Deployment: "gpt-4o-prod",
			Client:       detectors.Client{APIVersion: "2024-10-21", Stream: detectors.NonStreaming},
			RequestBytes: 1128, ResponseBytes: 1411,
		},
		Address: netip.MustParseAddr("203.0.113.0"), Bits: 24,
	}},
	"request-response-2026.json": {{
		Category: RequestResponse, Logged: at("00:00:40"), Resource: account, Correlation: id(2),
		Call: detectors.Call{
			Time: at("00:00:32.897"), DurationMs: 250, Status: 429,
			Operation: "Create_Response", Class: detectors.ClassImage, Model: "gpt-image-1", Deployment: "img", Images: 1,
			Client:       detectors.Client{APIVersion: "2025-04-01-preview", Stream: detectors.Streaming},
			RequestBytes: 99, ResponseBytes: 0,
			Tokens: detectors.Tokens{Prompt: 12, Completion: 34, Known: true},
		},
		ObjectID: "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
		Address:  netip.MustParseAddr("104.28.201.0"), Bits: 24,
	}},
	"near-empty.json": {{
		Category: RequestResponse, Logged: at("00:00:36"), Resource: account, Correlation: id(1),
		Call: detectors.Call{
			Time: at("00:00:35.3"), DurationMs: 700, Status: 200, Operation: "ChatCompletions_Create", Class: detectors.ClassChat,
			RequestBytes: -1, ResponseBytes: -1,
		},
		NearEmpty: true,
		Address:   netip.MustParseAddr("203.0.113.0"), Bits: 24,
	}},
	"near-empty-measured.json": {{
		Category: RequestResponse, Logged: at("00:00:36"), Resource: account, Correlation: id(1),
		Call: detectors.Call{
			Time: at("00:00:35.3"), DurationMs: 700, Status: 200, Operation: "ChatCompletions_Create", Class: detectors.ClassChat,
			Client:       detectors.Client{APIVersion: "2024-10-21"},
			RequestBytes: 1128, ResponseBytes: 1411,
		},
		NearEmpty: true,
		Address:   netip.MustParseAddr("203.0.113.0"), Bits: 24,
	}},
	"usage.json": {{
		Category: RequestUsage, Logged: at("00:00:37"), Resource: account, Correlation: id(1),
		Call: detectors.Call{
			Time: at("00:00:37"), DurationMs: -1, Operation: "ChatCompletions_Create", Class: detectors.ClassChat,
			RequestBytes: -1, ResponseBytes: -1,
			Tokens: detectors.Tokens{Prompt: 1000, Cached: 900, Completion: 50, Known: true},
		},
	}},
	"list-key.json": {{
		Category: Audit, Logged: at("06:03:30"), Resource: account, Call: noCall,
		Act: &detectors.Act{
			Time: at("06:03:30"), Operation: "microsoft.cognitiveservices/accounts/listkeys/action", Target: account,
			Succeeded: true, Actor: detectors.Actor{ObjectID: "99999999-bbbb-cccc-dddd-eeeeeeeeeeee"},
		},
	}},
	"gateway.json": {{
		Category: GatewayLogs, Logged: at("08:00:01"), Resource: service, Correlation: id(3),
		Call: detectors.Call{
			Time: at("08:00:00.15"), DurationMs: 850, Status: 400,
			Operation: "ChatCompletions_Create", Class: detectors.ClassChat, Deployment: "gpt 4o",
			Client:       detectors.Client{APIVersion: "2024-10-21", UserAgent: "AsyncOpenAI/Python 1.51.0"},
			RequestBytes: 812, ResponseBytes: 401, Filtered: true,
		},
		Subscription: "team-a", Backend: "aoai-1",
		Address: netip.MustParseAddr("198.51.100.23"), Bits: 32,
	}},
	"gateway-llm.json": {
		{
			Category: GatewayLlmLogs, Logged: at("08:00:02"), Resource: service, Correlation: id(3),
			Call: detectors.Call{
				Time: at("08:00:02"), DurationMs: -1, Operation: "chat_completions", Class: detectors.ClassChat,
				Model: "gpt-4o", Deployment: "gpt-4o", RequestBytes: -1, ResponseBytes: -1,
				Client: detectors.Client{APIVersion: "2024-10-21", Stream: detectors.Streaming},
				Tokens: detectors.Tokens{Prompt: 100, Completion: 7, Known: true},
			},
		},
		{
			Category: GatewayLlmLogs, Logged: at("08:00:02"), Resource: service, Correlation: id(3),
			Call:      detectors.Call{Time: at("08:00:02"), DurationMs: -1, RequestBytes: -1, ResponseBytes: -1},
			Continued: true,
		},
	},
	"gateway-event.json": {{
		Category: GatewayEvent, Logged: at("18:03:30") + 20*detectors.Day, Resource: "custom:ai-hub", Correlation: id(4),
		Call: detectors.Call{
			Time: at("18:03:30") + 20*detectors.Day, DurationMs: -1, Operation: "Creates a completion for the chat message",
			Class: detectors.ClassChat, Model: "gpt-4o", Deployment: "gpt-4o", RequestBytes: -1, ResponseBytes: -1,
			Tokens: detectors.Tokens{Prompt: 120, Completion: 30, Known: true},
		},
		Subscription: "team-b",
		Address:      netip.MustParseAddr("2001:db8:1:2::7"), Bits: 128,
	}},
	"activity.json": {
		{
			Category: Administrative, Logged: at("06:03:29.5"), Resource: account, Correlation: id(5), Call: noCall,
			Act:     listKeys(account, true),
			Address: netip.MustParseAddr("198.51.100.77"), Bits: 32,
		},
		{
			Category: Administrative, Logged: at("06:03:29.5"), Resource: account, Correlation: id(5), Call: noCall,
			Act:     listKeys(account+"/deployments/d-1", false),
			Address: netip.MustParseAddr("198.51.100.78"), Bits: 32,
		},
	},
	"ignored.json": nil,
	"garbage.json": {{
		Category: Audit, Logged: at("00:00:35"), Resource: account, Call: noCall,
		Act: &detectors.Act{
			Time: at("00:00:35"), Operation: "microsoft.cognitiveservices/accounts/listkeys/action", Target: account, Succeeded: true,
		},
	}},
}

var noCall = detectors.Call{DurationMs: -1, RequestBytes: -1, ResponseBytes: -1}

func listKeys(target string, succeeded bool) *detectors.Act {
	return &detectors.Act{
		Time: at("06:03:29.5"), Operation: "microsoft.cognitiveservices/accounts/listkeys/action",
		Target: target, Succeeded: succeeded,
		Actor: detectors.Actor{
			ObjectID: "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee",
			Name:     "Eve@example.com",
			AppID:    "c44b4083-3bb0-49c1-b47d-974e53cbdf3c",
		},
	}
}

func TestDecode(t *testing.T) {
	d := NewDecoder()
	for name, data := range seeds(t) {
		t.Run(strings.TrimSuffix(name, ".json"), func(t *testing.T) {
			want, ok := samples[name]
			if !ok {
				t.Fatalf("testdata/%s has no expectation here", name)
			}
			for range 2 { // the second time by prediction
				got, _ := d.Decode(nil, Block{Data: data})
				if diff := cmp.Diff(want, got, ignorePlace); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
	if got := len(seeds(t)); got != len(samples) {
		t.Errorf("%d files in testdata, want %d", got, len(samples))
	}
}

// decodeOne decodes a record that must give one Fragment.
func decodeOne(t *testing.T, record string) Fragment {
	t.Helper()
	got, bad := NewDecoder().Decode(nil, Block{Data: []byte(record)})
	if len(got) != 1 || len(bad) > 0 {
		t.Fatalf("%d fragments, poison %v in %s", len(got), bad, record)
	}
	return got[0]
}

// response is a RequestResponse with more members and properties.
func response(members, properties string) string {
	return `{"category":"RequestResponse","time":"2026-09-07T00:00:35Z"` + members + `,"properties":{` + properties + `}}`
}

func TestDecodeQuirks(t *testing.T) {
	t.Run("ticks", func(t *testing.T) {
		for text, want := range map[string]detectors.Time{
			`639243360328979860`:         at("00:00:32.897"),
			`"639243360328979860"`:       at("00:00:32.897"),
			`6.3924336032897986e17`:      at("00:00:32.897"),
			`639243360328979860.0`:       at("00:00:32.897"),
			`639243360328979860.5`:       at("00:00:34"), // no whole number
			`6.39e17`:                    at("00:00:34"), // whole, but years ago
			`0`:                          at("00:00:34"),
			`-5`:                         at("00:00:34"),
			`99999999999999999999999999`: at("00:00:34"),
			`null`:                       at("00:00:34"),
		} {
			f := decodeOne(t, response(`,"durationMs":1000`, `"requestTime":`+text))
			if f.Call.Time != want || f.Call.DurationMs != 1000 {
				t.Errorf("%s: %v for %d ms, want %v", text, f.Call.Time, f.Call.DurationMs, want)
			}
		}
	})
	t.Run("durations", func(t *testing.T) {
		for text, want := range map[string]int64{`12`: 12, `"12"`: 12, `-12`: -1, `"-12"`: -1, `"soon"`: -1, `1.5`: -1, `null`: -1} {
			if f := decodeOne(t, response(`,"durationMs":`+text, "")); f.Call.DurationMs != want {
				t.Errorf("%s: %d, want %d", text, f.Call.DurationMs, want)
			}
		}
	})
	t.Run("ticks_out_of_order", func(t *testing.T) {
		f := decodeOne(t, response(`,"durationMs":7`, `"requestTime":639243360328979860,"responseTime":639243360328879860`))
		if f.Call.DurationMs != 7 {
			t.Errorf("%d ms, want 7", f.Call.DurationMs)
		}
	})
	t.Run("statuses", func(t *testing.T) {
		for text, want := range map[string]int{
			`"resultSignature":"200"`: 200, `"resultSignature":200`: 200, `"resultSignature":"429 Too Many"`: 429,
			`"resultType":"404"`: 404, `"resultSignature":"Succeeded"`: 0, `"resultSignature":"2000"`: 0, `"resultSignature":"999"`: 0,
			`"RESULTSIGNATURE":"401"`: 401,
		} {
			if f := decodeOne(t, response(","+text, "")); f.Call.Status != want {
				t.Errorf("%s: %d, want %d", text, f.Call.Status, want)
			}
		}
	})
	t.Run("last_key_wins", func(t *testing.T) {
		f := decodeOne(t, `{"category":"Trace","time":"2026-09-07T00:00:35Z","properties":{"modelName":"a","objectId":"x"},"category":"RequestResponse","properties":{"modelName":"b","modelName":"c"}}`)
		if f.Call.Model != "c" || f.ObjectID != "" {
			t.Errorf("model %q of %q", f.Call.Model, f.ObjectID)
		}
	})
	t.Run("escapes_and_bad_unicode", func(t *testing.T) {
		f := decodeOne(t, "{\"cate\\u0067ory\":\"Request\\u0052esponse\",\"time\":\"2026-09-07T00:00:35Z\",\"junk\":\"\xff\","+
			`"properties":"{\"modelName\":\"\\\"a\\u00e9\\ud83d\\ude00\\ud800\",`+"\\\"modelDeploymentName\\\":\\\"b\xff\\\"}\"}")
		if f.Call.Model != "\"aé😀\uFFFD" || f.Call.Deployment != "b\uFFFD" {
			t.Errorf("model %q, deployment %q", f.Call.Model, f.Call.Deployment)
		}
	})
	t.Run("escaped_properties_of_every_layout", func(t *testing.T) {
		for _, properties := range []string{
			`{"modelName":"m","requestLength":7}`, `{ "modelName": "m" , "requestLength" : 7 }`, "{\n\t\"modelName\": \"m\",\r\n\"requestLength\":7\n}",
			`{"x":{"y":[1,{"z":"}"}]},"modelName":"m","requestLength":"7"}`, `{"x":[],"modelName":"m","requestLength":[7]}`,
			`{"requestLength":7,"modelName":"a\"b","modelName":"m"}`, `{"x":null,"y":true,"modelName":"m","requestLength":7.0}`,
		} {
			f := decodeOne(t, `{"category":"RequestResponse","time":"2026-09-07T00:00:35Z","properties":`+string(appendString(nil, properties))+`}`)
			if f.Call.Model != "m" || f.Call.RequestBytes != 7 {
				t.Errorf("%s: model %q, %d bytes", properties, f.Call.Model, f.Call.RequestBytes)
			}
		}
	})
	t.Run("requests_without_content_filter", func(t *testing.T) {
		for _, properties := range []string{
			`"responseCode":200,"responseBody":"content_filter_results"`, `"responseCode":400,"responseBody":"context_length_exceeded"`,
		} {
			f := decodeOne(t, strings.Replace(response("", properties), "RequestResponse", "GatewayLogs", 1))
			if f.Call.Filtered {
				t.Errorf("%s is filtered", properties)
			}
		}
		f := decodeOne(t, strings.Replace(response("", `"backendResponseCode":400,"backendResponseBody":{"error":{"innererror":{"code":"ResponsibleAIPolicyViolation"}}}`), "RequestResponse", "GatewayLogs", 1))
		if !f.Call.Filtered {
			t.Error("a refused call is not filtered")
		}
	})
}

func TestPoison(t *testing.T) {
	t.Run("says_where_and_nothing_else", func(t *testing.T) {
		data := []byte(`{"category":"Trace"} {"category":"Audit","key":"sk-abc123" "time":1}`)
		_, bad := NewDecoder().Decode(nil, Block{Data: data, Offset: 1000})
		if len(bad) != 1 {
			t.Fatalf("%d poison, want 1", len(bad))
		}
		p := bad[0]
		if p.Offset != 1021 || p.Length != 47 || p.Ordinal != 1 || p.Err.Error() != "a comma is expected at byte 1059" {
			t.Errorf("%+v", p)
		}
		if want := `{"xxxxxxxx":"xxxxx","xxx":"xx-xxx000" "xxxx":0}`; p.Around != want {
			t.Errorf("around %q, want %q", p.Around, want)
		}
	})
	t.Run("times", func(t *testing.T) {
		for text, want := range map[string]string{
			`"2199-01-01T00:00:00Z"`: "time 2199-01-01T00:00:00Z is not plausible at byte 30",
			`"0001-01-01T00:00:00Z"`: "time 0001-01-01T00:00:00Z is not plausible at byte 30",
			`"03/04/2026 06:03:30"`:  "the day and the month of the time can be mistaken: log it in ISO 8601 at byte 30",
			`"yesterday"`:            "the time is not readable at byte 30",
			`null`:                   "the time is missing at byte 0",
		} {
			_, bad := NewDecoder().Decode(nil, Block{Data: []byte(`{"category":"Audit","time":   ` + text + `}`)})
			if len(bad) != 1 || bad[0].Err.Error() != want {
				t.Errorf("%s: %v, want %s", text, bad, want)
			}
		}
	})
	t.Run("reading_goes_on", func(t *testing.T) {
		good := `{"category":"Audit","time":"2026-09-07T00:00:35Z"}`
		for name, broken := range map[string]string{
			"garbage":       "syslog: ",
			"cut":           `{"category":"Audit","time":` + "\n",
			"cut_string":    `{"category":"Aud` + "\n",
			"wrong_bracket": `{"a":[}]}`,
			"deep":          strings.Repeat(`{"a":`, 10000) + strings.Repeat("}", 10000) + "\n",
			"deep_arrays":   `{"a":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + "}\n",
			"no_value":      `{"a":}`,
			"control":       "{\"a\":\"\x01\"}\n",
			"in_envelope":   `{"records":[{"a":"b},` + good + "]}\n",
			"number":        `[12,`,
		} {
			t.Run(name, func(t *testing.T) {
				got, bad := NewDecoder().Decode(nil, Block{Data: []byte(good + "\n" + broken + good)})
				if len(got) < 2 || len(bad) == 0 {
					t.Errorf("%d fragments, poison %v", len(got), bad)
				}
			})
		}
	})
	t.Run("ten_thousand_brackets", func(t *testing.T) {
		got, bad := NewDecoder().Decode(nil, Block{Data: []byte(strings.Repeat("[", 10000) + strings.Repeat("]", 10000))})
		if len(got)+len(bad) != 0 {
			t.Errorf("%d fragments, poison %v", len(got), bad)
		}
	})
}

func TestCounts(t *testing.T) {
	d := NewDecoder()
	for _, name := range []string{"ignored.json", "activity.json", "garbage.json"} {
		d.Decode(nil, Block{Data: seeds(t)[name]})
	}
	d.Decode(nil, Block{Data: []byte(response(`,"operationName":"Novel_Create"`, `"novelty":1,"modelName":"gpt-4o","promptTokens":[1,2]`))})
	got := d.Counts()
	got.Merge(NewDecoder().Counts())
	want := Counts{
		Records:           [categories]int64{RequestResponse: 1, Audit: 1, Administrative: 2},
		Ignored:           Names{"Trace": 1, "metrics": 1, "Administrative, not terminal": 1},
		UnknownCategories: Names{"Novelty": 1, "(none)": 1},
		UnknownOperations: Names{"Novel_Create": 1},
		Drift:             Names{"novelty": 1, "properties (shape)": 1, "promptTokens (shape)": 1},
		Poison:            4,
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Error(diff)
	}
	t.Run("names_are_bounded", func(t *testing.T) {
		var n Names
		for i := range 1000 {
			n.add(strings.Repeat("x", i), 1)
		}
		var sum int64
		for _, count := range n {
			sum += count
		}
		if len(n) != maxNames+1 || sum != 1000 {
			t.Errorf("%d names, %d counted", len(n), sum)
		}
	})
	t.Run("merge_doubles", func(t *testing.T) {
		double := d.Counts()
		double.Merge(d.Counts())
		if double.Poison != 8 || double.Drift["novelty"] != 2 || double.Records[Audit] != 2 || got.Drift["novelty"] != 1 {
			t.Errorf("%+v", double)
		}
	})
}
