package azurelog

import (
	"encoding/json"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/keywarden/keywarden/detectors"
)

var ignorePlace = cmp.Options{
	cmpopts.IgnoreFields(Fragment{}, "Offset", "Ordinal"),
	cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}),
}

// words are drawn for what a log can say freely.
var (
	words      = rapid.StringMatching(`[a-z0-9][a-zA-Z0-9 ._/"\\é🔑-]{0,20}`)
	ids        = rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	optionalID = rapid.OneOf(rapid.Just(""), ids)
	operations = rapid.OneOf(rapid.SampledFrom([]string{
		"ChatCompletions_Create", "Embeddings_Create", "ImageGenerations_Create", "Models_List", "Create_Thread",
		"Creates a completion for the chat message",
	}), words)
	models = rapid.SampledFrom([]string{"", "gpt-4o", "dall-e-3", "gpt-image-1", "whisper", "text-embedding-3-large", "häßlich"})
)

// drawFragment draws what a record can hold, in the form in which it is decoded.
func drawFragment(t *rapid.T) Fragment {
	f := Fragment{
		Category: Category(rapid.IntRange(0, int(categories)-1).Draw(t, "category")),
		Logged:   detectors.Time(rapid.Int64Range(int64(minTime)+int64(detectors.Day), int64(maxTime)-1).Draw(t, "logged")),
	}
	f.Call.DurationMs, f.Call.RequestBytes, f.Call.ResponseBytes = -1, -1, -1
	copy(f.Correlation[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "correlation"))
	f.Resource = "/subscriptions/" + ids.Draw(t, "subscription") + "/resourcegroups/rg/providers/microsoft.cognitiveservices/accounts/" +
		rapid.StringMatching(`[a-z][a-z0-9-]{0,10}`).Draw(t, "account")
	switch f.Category {
	case Audit, Administrative:
		drawAct(t, &f)
		return f
	case GatewayEvent:
		f.Resource = "custom:" + rapid.StringMatching(`[a-z][a-z0-9-]{0,10}`).Draw(t, "gateway")
	case GatewayLogs, GatewayLlmLogs:
		f.Resource = "/subscriptions/1/providers/microsoft.apimanagement/service/apim-1"
	}
	c := &f.Call
	c.Operation = operations.Draw(t, "operation")
	c.Deployment = rapid.OneOf(rapid.Just(""), words).Draw(t, "deployment")
	if f.Category != GatewayLogs {
		c.Model = models.Draw(t, "model")
	}
	if f.Category != GatewayEvent {
		c.Client.APIVersion = rapid.SampledFrom([]string{"", "2024-10-21", "2023-07-01-preview"}).Draw(t, "version")
	}
	if f.Category != GatewayLlmLogs {
		f.Address, f.Bits = drawAddress(t)
	}
	if f.Category != GatewayLogs && rapid.Bool().Draw(t, "tokens") {
		c.Tokens = detectors.Tokens{
			Prompt:     rapid.Int64Range(0, 1e6).Draw(t, "prompt"),
			Completion: rapid.Int64Range(0, 1e6).Draw(t, "completion"),
			Known:      true,
		}
		if f.Category == RequestUsage || f.Category == RequestResponse {
			c.Tokens.Cached = rapid.Int64Range(0, c.Tokens.Prompt).Draw(t, "cached")
		}
	}
	c.Time = f.Logged
	switch f.Category {
	case RequestResponse, RequestUsage:
		c.Time -= detectors.Time(rapid.Int64Range(0, int64(detectors.Hour)).Draw(t, "ago"))
		drawSizes(t, c)
		f.ObjectID = optionalID.Draw(t, "object")
	case GatewayLogs:
		drawSizes(t, c)
		c.Time -= max(0, detectors.Time(c.DurationMs))
		f.Subscription = words.Draw(t, "apim")
		f.Backend = rapid.SampledFrom([]string{"", "aoai-1"}).Draw(t, "backend")
		c.Client.UserAgent = rapid.SampledFrom([]string{"", `OpenAI/Python 1.2 "x"`}).Draw(t, "agent")
		c.Filtered = c.Status == 400 && rapid.Bool().Draw(t, "filtered")
	case GatewayEvent:
		f.Subscription = words.Draw(t, "apim")
	}
	if f.Category == RequestResponse || f.Category == RequestUsage || f.Category == GatewayLlmLogs {
		c.Client.Stream = detectors.Stream(rapid.IntRange(0, 2).Draw(t, "stream"))
	}
	c.Class, _ = work{c.Operation, c.Model}.class()
	if c.Class == detectors.ClassImage {
		c.Images = 1
	}
	f.NearEmpty = f.Category == RequestResponse && f.ObjectID == "" && c.Model == "" && c.Deployment == ""
	if f.Category == GatewayLlmLogs && c.Deployment == "" && c.Tokens.Total() == 0 {
		f.Continued, c.Tokens = true, detectors.Tokens{}
	}
	return f
}

// drawSizes draws the status, the duration and the lengths of a call.
func drawSizes(t *rapid.T, c *detectors.Call) {
	c.Status = rapid.SampledFrom([]int{0, 200, 400, 401, 404, 429, 500}).Draw(t, "status")
	c.DurationMs = rapid.Int64Range(-1, int64(detectors.Hour)).Draw(t, "duration")
	c.RequestBytes = rapid.Int64Range(-1, 1e9).Draw(t, "request")
	c.ResponseBytes = rapid.Int64Range(-1, 1e9).Draw(t, "response")
}

func drawAct(t *rapid.T, f *Fragment) {
	f.Act = &detectors.Act{
		Time: f.Logged, Target: f.Resource, Succeeded: true,
		Operation: "microsoft.cognitiveservices/accounts/listkeys/action",
		Actor:     detectors.Actor{ObjectID: optionalID.Draw(t, "object")},
	}
	f.Address, f.Bits = drawAddress(t)
	if f.Category == Administrative {
		f.Act.Target += "/deployments/d-1"
		f.Act.Operation = rapid.StringMatching(`[a-z][a-z./]{0,20}`).Draw(t, "operation")
		f.Act.Succeeded = rapid.Bool().Draw(t, "succeeded")
		f.Act.Actor.Name = rapid.OneOf(rapid.Just(""), words).Draw(t, "name")
		f.Act.Actor.AppID = optionalID.Draw(t, "app")
	}
}

// drawAddress draws a full or masked address, or none.
func drawAddress(t *rapid.T) (netip.Addr, int) {
	octets := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "address")
	octets[0] |= 1
	four, six := netip.AddrFrom4([4]byte(octets)), netip.AddrFrom16([16]byte(octets))
	switch bits := rapid.SampledFrom([]int{0, 16, 24, 32, 48, 64, 128}).Draw(t, "bits"); bits {
	case 0:
		return netip.Addr{}, 0
	case 16, 24, 32:
		return must(four.Prefix(bits)).Addr(), bits
	default:
		return must(six.Prefix(bits)).Addr(), bits
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func drawStyle(t *rapid.T) Style {
	flag := func(name string) bool { return rapid.Bool().Draw(t, name) }
	return Style{flag("object"), flag("caller"), flag("string"), flag("negative"), flag("stars")}
}

func TestAppend(t *testing.T) {
	t.Run("what_a_fragment_holds_survives", rapid.MakeCheck(func(t *rapid.T) {
		f, style := drawFragment(t), drawStyle(t)
		if f.Category == GatewayLogs {
			style.DurationNegative = false // no ticks say the truth
		}
		record, err := Append(nil, &f, style)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(record) {
			t.Fatalf("no JSON: %s", record)
		}
		for _, body := range [][]byte{record, AppendEnvelope(nil, record)} {
			d := NewDecoder()
			got, bad := d.Decode(nil, Block{Data: body})
			if len(bad) > 0 {
				t.Fatalf("%v in %s", bad, body)
			}
			if diff := cmp.Diff([]Fragment{f}, got, ignorePlace); diff != "" {
				t.Fatalf("%s\n%s", body, diff)
			}
			if drift := d.Counts().Drift; len(drift) > 0 {
				t.Fatalf("drift %v in %s", drift, body)
			}
		}
	}))
}
