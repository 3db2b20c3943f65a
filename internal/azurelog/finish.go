package azurelog

import (
	"bytes"
	"crypto/sha256"

	"github.com/keywarden/keywarden/detectors"
)

// kinds of record by category, in lower case: those that make a Fragment, and
// those that are understood and not needed.
var (
	categoriesByName = map[string]Category{
		"requestresponse": RequestResponse, "azureopenairequestusage": RequestUsage, "audit": Audit,
		"gatewaylogs": GatewayLogs, "gatewayllmlogs": GatewayLlmLogs, "gatewayllmlog": GatewayLlmLogs,
		"administrative": Administrative, "action": Administrative, "write": Administrative, "delete": Administrative,
	}
	ignoredByName = map[string]string{
		"trace": "Trace", "managednetworkevent": "ManagedNetworkEvent", "allmetrics": "AllMetrics",
		"websocketconnectionlogs": "WebSocketConnectionLogs", "developerportalauditlogs": "DeveloperPortalAuditLogs",
		"servicehealth": "ServiceHealth", "resourcehealth": "ResourceHealth", "alert": "Alert", "security": "Security",
		"recommendation": "Recommendation", "policy": "Policy", "autoscale": "Autoscale",
	}
)

// finish makes a Fragment of the record that was read at data[start], and
// appends it to dst; or says what is wrong with it.
func (d *Decoder) finish(dst []Fragment, start int, offset int64, ordinal int) ([]Fragment, flaw) {
	category, ok := d.category()
	if !ok {
		return dst, flaw{}
	}
	logged, f := d.logged(start)
	if f.what != "" {
		return dst, f
	}
	if len(dst) < cap(dst) {
		dst = dst[:len(dst)+1]
	} else {
		dst = append(dst, Fragment{})
	}
	fragment := &dst[len(dst)-1]
	*fragment = Fragment{}
	fragment.Category, fragment.Logged = category, logged
	fragment.Offset, fragment.Ordinal = offset+int64(start), ordinal
	d.fill(fragment)
	d.counts.Records[category]++
	if category != Administrative {
		for _, name := range d.drift {
			d.counts.Drift.add(name, 1)
		}
	}
	return dst, flaw{}
}

// category is the record's category; false for a record that is counted and left.
func (d *Decoder) category() (Category, bool) {
	name := d.text(fCategory)
	switch {
	case string(name) == "RequestResponse":
		return RequestResponse, true
	case name == nil && d.raw(fMetric) != nil:
		d.counts.Ignored.add("metrics", 1)
		return 0, false
	case name == nil && d.raw(fGateway) != nil:
		return GatewayEvent, true
	}
	var folded [maxNameLength]byte
	key := folded[:0]
	if len(name) <= len(folded) {
		key = appendLower(key, name)
	}
	if ignored, ok := ignoredByName[string(key)]; ok {
		d.counts.Ignored.add(ignored, 1)
		return 0, false
	}
	category, ok := categoriesByName[string(key)]
	switch {
	case !ok:
		d.counts.UnknownCategories.add(d.names.of(name[:min(len(name), maxNameLength+1)]), 1)
	case category == Administrative && !d.terminal():
		d.counts.Ignored.add("Administrative, not terminal", 1)
		ok = false
	}
	return category, ok
}

// logged is the record's own time.
func (d *Decoder) logged(start int) (detectors.Time, flaw) {
	text := d.text(fTime)
	if text == nil {
		return 0, flaw{"the time is missing", start}
	}
	at := d.values[fTime].at
	t, what := parseTime(text)
	if what == "" {
		what = plausible(t)
	}
	return t, flaw{what, at}
}

// fill fills f, whose category and time are known.
func (d *Decoder) fill(f *Fragment) {
	f.Correlation = correlation(d.text(fCorrelation))
	if f.Category == GatewayEvent && f.Correlation == (Correlation{}) {
		f.Correlation = correlation(d.text(fID))
	}
	f.Call.DurationMs, f.Call.RequestBytes, f.Call.ResponseBytes = -1, -1, -1
	var target string
	switch f.Category {
	case GatewayEvent:
		f.Resource = d.gateway()
	case Audit, Administrative:
		target, f.Resource = d.target()
	default:
		f.Resource = d.resource()
	}
	switch f.Category {
	case RequestResponse, RequestUsage:
		d.fillCall(f)
	case GatewayLogs:
		d.fillGateway(f)
	case GatewayLlmLogs:
		d.fillLlm(f)
	case GatewayEvent:
		d.fillEvent(f)
	case Audit:
		d.fillAudit(f, target)
	case Administrative:
		d.fillAct(f, target)
	}
}

// correlation is a GUID's bytes, with or without hyphens, or the start of the
// SHA-256 of what is none.
func correlation(b []byte) (c Correlation) {
	if len(b) == 36 && b[8] == '-' && b[13] == '-' && b[18] == '-' && b[23] == '-' {
		if hexBytes(c[:4], b) && hexBytes(c[4:6], b[9:]) && hexBytes(c[6:8], b[14:]) && hexBytes(c[8:10], b[19:]) && hexBytes(c[10:], b[24:]) {
			return c
		}
	}
	if len(b) == 32 && hexBytes(c[:], b) {
		return c
	}
	if len(b) == 0 {
		return Correlation{}
	}
	sum := sha256.Sum256(b)
	return Correlation(sum[:])
}

// hexBytes reads the bytes of dst in hexadecimal from the start of b.
func hexBytes(dst, b []byte) bool {
	for i := range dst {
		high, low := hexDigit(b[2*i]), hexDigit(b[2*i+1])
		if high|low > 15 {
			return false
		}
		dst[i] = high<<4 | low
	}
	return true
}

// resource is the record's resource id in lower case, cut to what the route key is.
func (d *Decoder) resource() string {
	b := d.text(fResource)
	if s, ok := d.resources[string(b)]; ok {
		return s
	}
	if len(d.resources) >= maxInterned || d.resources == nil {
		d.resources = make(map[string]string)
	}
	s := d.names.of(cutResource(d.folded(b)))
	d.resources[string(b)] = s
	return s
}

// folded is b in lower case, valid until the next record.
func (d *Decoder) folded(b []byte) []byte {
	from := len(d.scratch)
	d.scratch = appendLower(d.scratch, b)
	return d.scratch[from:len(d.scratch):len(d.scratch)]
}

// target is the full resource id in lower case, and what is cut of it.
func (d *Decoder) target() (full, cut string) {
	b := bytes.TrimRight(d.folded(d.text(fResource)), "/")
	return d.names.of(b), d.names.of(cutResource(b))
}

// cutResource cuts a resource id in lower case after the name of the account or service.
func cutResource(b []byte) []byte {
	for _, parent := range [...]string{"/providers/microsoft.cognitiveservices/accounts/", "/providers/microsoft.apimanagement/service/"} {
		if i := bytes.Index(b, []byte(parent)); i >= 0 {
			if n := bytes.IndexByte(b[i+len(parent):], '/'); n >= 0 {
				b = b[:i+len(parent)+n]
			}
			return b
		}
	}
	return bytes.TrimRight(b, "/")
}
