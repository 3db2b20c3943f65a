package azurelog

import (
	"bytes"
	"net/url"

	"github.com/keywarden/keywarden/detectors"
)

// fillGateway reads API Management's record of a call. Of bodies nothing is
// kept but whether a refused call's names the content filter; of headers
// nothing but the user agent.
func (d *Decoder) fillGateway(f *Fragment) {
	c := &f.Call
	d.timing(f)
	f.Address, f.Bits = parseAddress(d.text(fCaller))
	f.Subscription = d.name(fAPIMSubscription)
	c.Client.UserAgent = d.name(fUserAgent)
	c.RequestBytes, c.ResponseBytes = d.count(fRequestBytes), d.count(fResponseBytes)
	if c.Status = status(d.text(fResponseCode)); c.Status == 0 {
		c.Status = status(d.text(fBackendCode))
	}
	c.Filtered = c.Status == 400 && (filtered(d.raw(fResponseBody)) || filtered(d.raw(fBackendBody)))

	for _, address := range [...][]byte{d.text(fBackend), d.text(fURL)} {
		target := parseTarget(address)
		if c.Deployment == "" {
			c.Deployment = d.segment(target.deployment)
		}
		if c.Client.APIVersion == "" {
			c.Client.APIVersion = d.names.of(target.version)
		}
		if c.Operation == "" && target.operation != "" {
			c.Operation = target.operation
		}
	}
	f.Backend = d.names.of(d.folded(hostLabel(d.text(fBackend))))
	if operation := d.name(fOperationID); operation != "" {
		if class, known := (work{operation: operation}).class(); known || c.Operation == "" || class != detectors.ClassUnknown {
			c.Operation = operation
		}
	}
	d.fillClass(f)
}

// filtered reports whether an error's body names the content filter.
func filtered(body []byte) bool {
	return bytes.Contains(body, []byte("content_filter")) || bytes.Contains(body, []byte("ResponsibleAIPolicyViolation"))
}

// segment is a part of a URL's path without its escapes.
func (d *Decoder) segment(b []byte) string {
	s := d.names.of(b)
	if bytes.IndexByte(b, '%') >= 0 {
		if plain, err := url.PathUnescape(s); err == nil {
			return d.names.of([]byte(plain))
		}
	}
	return s
}

// target is what a URL says of a call.
type target struct {
	deployment, version []byte
	operation           string // as Azure names it; "" where the path says nothing
}

// operationsByPath names the operations of the data plane by the end of their path.
var operationsByPath = [...]struct{ path, operation string }{
	{"/chat/completions", "ChatCompletions_Create"},
	{"/completions", "Completions_Create"},
	{"/embeddings", "Embeddings_Create"},
	{"/images/generations", "ImageGenerations_Create"},
	{"/images/edits", "ImageEdits_Create"},
	{"/audio/transcriptions", "Transcriptions_Create"},
	{"/audio/translations", "Translations_Create"},
	{"/audio/speech", "Speech_Create"},
	{"/realtime", "Realtime_Create"},
	{"/responses", "Create_Response"},
	{"/models", "Models_List"},
	{"/deployments", "Deployments_List"},
}

// parseTarget reads a URL.
func parseTarget(b []byte) (t target) {
	path, query := b, []byte(nil)
	if i := bytes.IndexByte(b, '?'); i >= 0 {
		path, query = b[:i], b[i+1:]
	}
	if _, rest, ok := bytes.Cut(path, []byte("/deployments/")); ok {
		t.deployment, _, _ = bytes.Cut(rest, []byte("/"))
	}
	for _, known := range operationsByPath {
		if bytes.HasSuffix(path, []byte(known.path)) {
			t.operation = known.operation
			break
		}
	}
	for len(query) > 0 {
		var pair []byte
		pair, query, _ = bytes.Cut(query, []byte("&"))
		if foldPrefix(pair, "api-version=") {
			t.version = pair[len("api-version="):]
		}
	}
	if t.version == nil && bytes.Contains(path, []byte("/openai/v1/")) {
		t.version = []byte("v1")
	}
	return t
}

// hostLabel is the first label of a URL's host.
func hostLabel(b []byte) []byte {
	_, host, ok := bytes.Cut(b, []byte("://"))
	if !ok {
		return nil
	}
	if i := bytes.IndexAny(host, "./:?"); i >= 0 {
		host = host[:i]
	}
	return host
}

// fillLlm reads API Management's record of a call's tokens.
func (d *Decoder) fillLlm(f *Fragment) {
	c := &f.Call
	c.Time = f.Logged
	d.fillModel(f, fInnerOperation)
	c.Client.APIVersion = d.name(fAPI)
	switch flag := d.text(fStreamFlag); {
	case foldEqual(flag, "true"):
		c.Client.Stream = detectors.Streaming
	case foldEqual(flag, "false"):
		c.Client.Stream = detectors.NonStreaming
	}
	if c.Deployment == "" && c.Tokens.Total() == 0 {
		f.Continued, c.Tokens = true, detectors.Tokens{}
	}
}

// fillEvent reads an AI gateway's own event.
func (d *Decoder) fillEvent(f *Fragment) {
	c := &f.Call
	c.Time = f.Logged
	f.Address, f.Bits = parseAddress(d.text(fCaller))
	f.Subscription = d.name(fSubscription)
	d.fillModel(f, fOperation)
	if c.Class == detectors.ClassUnknown {
		c.Class = classify(string(d.text(fService)), operationRules)
	}
}

// gateway is the Resource of an AI gateway's own event.
func (d *Decoder) gateway() string {
	name := d.folded(d.text(fGateway))
	from := len(d.scratch)
	d.scratch = append(append(d.scratch, customPrefix...), name...)
	return d.names.of(d.scratch[from:])
}

// customPrefix stands before the name of a gateway that writes its own events.
const customPrefix = "custom:"
