package azurelog

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/keywarden/keywarden/detectors"
)

// Style is how Azure writes a record: each of these is seen in real logs. The
// zero Style is that of 2024.
type Style struct {
	Object           bool // properties is an object, not a string that holds one
	CallerObjectID   bool // the field of 2026 in place of objectId
	DurationString   bool // durationMs is a string
	DurationNegative bool // durationMs is the negative of the truth; the ticks are right
	Masked           bool // two stars in place of three mask an IPv4 address's last octet
}

// Append appends the record that decodes to f, as one JSON object without a
// line end. It writes what a record of f.Category can say: a RequestResponse
// says its time and duration in ticks; of the other calls Logged is written
// and Call.Time follows from it and the duration. Offset, Ordinal, Call.From
// and Call.Images are not written. An error says what of f is no record.
func Append(dst []byte, f *Fragment, s Style) ([]byte, error) {
	if !f.Category.Known() {
		return dst, fmt.Errorf("encode a fragment: category %d is not known", f.Category)
	}
	if what := plausible(f.Logged); what != "" {
		return dst, fmt.Errorf("encode a %s: %s", f.Category, what)
	}
	if (f.Category == Audit || f.Category == Administrative) != (f.Act != nil) {
		return dst, fmt.Errorf("encode a %s: only Audit and Administrative have an Act", f.Category)
	}
	w := writer{buf: dst, style: s}
	switch f.Category {
	case RequestResponse, RequestUsage:
		w.call(f)
	case GatewayLogs:
		w.gatewayCall(f)
	case GatewayLlmLogs:
		w.llm(f)
	case GatewayEvent:
		w.event(f)
	case Audit:
		w.audit(f)
	case Administrative:
		w.act(f)
	}
	return w.buf, nil
}

// AppendEnvelope appends {"records":[…]} with records that Append made.
func AppendEnvelope(dst []byte, records ...[]byte) []byte {
	dst = append(dst, `{"records":[`...)
	for i, record := range records {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, record...)
	}
	return append(dst, "]}"...)
}

// writer writes one record.
type writer struct {
	buf   []byte
	style Style
	first bool // no member of the object has been written yet
	from  int  // where the properties start
}

// open starts an object, close ends it.
func (w *writer) open()  { w.buf, w.first = append(w.buf, '{'), true }
func (w *writer) close() { w.buf, w.first = append(w.buf, '}'), false }

// key starts a member.
func (w *writer) key(name string) {
	if !w.first {
		w.buf = append(w.buf, ',')
	}
	w.first = false
	w.buf = append(append(append(w.buf, '"'), name...), `":`...)
}

// text writes a string, some one that is not empty.
func (w *writer) text(name, s string) {
	w.key(name)
	w.buf = appendString(w.buf, s)
}

func (w *writer) some(name, s string) {
	if s != "" {
		w.text(name, s)
	}
}

// number writes a number, count one that is not negative.
func (w *writer) number(name string, n int64) {
	w.key(name)
	w.buf = strconv.AppendInt(w.buf, n, 10)
}

func (w *writer) count(name string, n int64) {
	if n >= 0 {
		w.number(name, n)
	}
}

// properties starts the properties; endProperties ends them, and makes a
// string of them where the style is so.
func (w *writer) properties() {
	w.key("properties")
	w.from = len(w.buf)
	w.open()
}

func (w *writer) endProperties() {
	w.close()
	if w.style.Object {
		return
	}
	object := string(w.buf[w.from:])
	w.buf = appendString(w.buf[:w.from], object)
}

// head writes what all of Azure's records start with.
func (w *writer) head(f *Fragment, resource, operation string) {
	w.open()
	w.text("time", azureTime(f.Logged))
	w.text("resourceId", strings.ToUpper(resource))
	w.text("operationName", operation)
	w.some("callerIpAddress", w.address(f.Address, f.Bits))
	if f.Correlation != (Correlation{}) {
		w.text("correlationId", guid(f.Correlation))
	}
}

// duration writes durationMs.
func (w *writer) duration(ms int64) {
	if ms < 0 {
		return
	}
	if w.style.DurationNegative {
		ms = -ms
	}
	if w.style.DurationString {
		w.text("durationMs", strconv.FormatInt(ms, 10))
		return
	}
	w.number("durationMs", ms)
}

// status writes an HTTP status as a string.
func (w *writer) status(name string, status int) {
	if status != 0 {
		w.text(name, strconv.Itoa(status))
	}
}

// call writes a RequestResponse or an AzureOpenAIRequestUsage.
func (w *writer) call(f *Fragment) {
	c := &f.Call
	w.head(f, f.Resource, c.Operation)
	w.text("category", f.Category.String())
	w.status("resultSignature", c.Status)
	w.duration(c.DurationMs)
	event := "ShoeboxCallResult"
	if f.Category == RequestUsage {
		event = "ShoeboxAzureOpenAIRequestUsage"
	}
	w.text("event", event)
	w.properties()
	if c.Client.APIVersion != "" {
		w.text("apiName", "Azure OpenAI API version "+c.Client.APIVersion)
	}
	if c.Time != 0 {
		w.number("requestTime", ticks(c.Time))
		if c.DurationMs >= 0 {
			w.number("responseTime", ticks(c.Time)+c.DurationMs*ticksPerMs)
		}
	}
	w.count("requestLength", c.RequestBytes)
	w.count("responseLength", c.ResponseBytes)
	if f.Category == RequestResponse {
		name := "objectId"
		if w.style.CallerObjectID {
			name = "callerObjectId"
		}
		w.text(name, f.ObjectID)
	} else {
		w.some("objectId", f.ObjectID)
	}
	switch c.Client.Stream {
	case detectors.Streaming:
		w.text("streamType", "Streaming")
	case detectors.NonStreaming:
		w.text("streamType", "Non-Streaming")
	}
	w.some("modelDeploymentName", c.Deployment)
	w.some("modelName", c.Model)
	w.tokens(f)
	w.endProperties()
	w.close()
}

// tokens writes the tokens of an account's own record: as arrays of one in a
// usage record, as numbers elsewhere.
func (w *writer) tokens(f *Fragment) {
	t := f.Call.Tokens
	if !t.Known {
		return
	}
	if f.Category != RequestUsage {
		w.number("promptTokens", t.Prompt)
		w.number("completionTokens", t.Completion)
		if t.Cached > 0 {
			w.number("cachedTokens", t.Cached)
		}
		return
	}
	for _, part := range [...]struct {
		name string
		n    int64
	}{{"promptTokens", t.Prompt}, {"cachedTokens", t.Cached}, {"generatedTokens", t.Completion}} {
		w.key(part.name)
		w.buf = append(strconv.AppendInt(append(w.buf, '['), part.n, 10), ']')
	}
}

// address is an address as logs show it, "" for none.
func (w *writer) address(a netip.Addr, bits int) string {
	switch {
	case bits == 0 || !a.IsValid():
		return ""
	case a.Is4() && bits < 32:
		octets := a.As4()
		mask := ".***"
		if w.style.Masked {
			mask = ".**"
		}
		s := ""
		for i := range 4 {
			switch {
			case 8*i >= bits:
				s += mask
			case i > 0:
				s += "."
				fallthrough
			default:
				s += strconv.Itoa(int(octets[i]))
			}
		}
		return s
	case a.Is6() && bits < 128:
		groups := strings.Split(a.StringExpanded(), ":")
		for i := bits / 16; i < len(groups); i++ {
			groups[i] = "****"
		}
		return strings.Join(groups, ":")
	}
	return a.String()
}

// azureTime is t with seven digits behind the point.
func azureTime(t detectors.Time) string { return t.UTC().Format("2006-01-02T15:04:05.0000000Z") }

// ticks are the .NET ticks of t.
func ticks(t detectors.Time) int64 { return int64(t)*ticksPerMs + ticksOf1970 }

// guid is a correlation id as text.
func guid(c Correlation) string {
	var b [36]byte
	hex.Encode(b[:8], c[:4])
	hex.Encode(b[9:13], c[4:6])
	hex.Encode(b[14:18], c[6:8])
	hex.Encode(b[19:23], c[8:10])
	hex.Encode(b[24:], c[10:])
	b[8], b[13], b[18], b[23] = '-', '-', '-', '-'
	return string(b[:])
}

// appendString appends s as a JSON string.
func appendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r < ' ':
			dst = append(dst, `\u00`...)
			dst = append(dst, "0123456789abcdef"[r>>4], "0123456789abcdef"[r&15])
		case r < utf8.RuneSelf:
			dst = append(dst, s[i])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
