package azurelog

import (
	"bytes"

	"github.com/keywarden/keywarden/detectors"
)

// fillCall reads an account's own record of a call, or of its tokens.
func (d *Decoder) fillCall(f *Fragment) {
	c := &f.Call
	d.timing(f)
	d.fillModel(f, fOperation)
	f.ObjectID = d.identity(fCallerObject)
	if f.ObjectID == "" {
		f.ObjectID = d.identity(fObject)
	}
	f.Address, f.Bits = parseAddress(d.text(fCaller))
	c.Status = status(d.text(fSignature))
	if c.Status == 0 {
		c.Status = status(d.text(fResultType))
	}
	if _, version, ok := bytes.Cut(d.text(fAPI), []byte("version ")); ok {
		c.Client.APIVersion = d.intern(fAPI, version)
	}
	switch stream := d.text(fStream); {
	case foldEqual(stream, "streaming"):
		c.Client.Stream = detectors.Streaming
	case foldEqual(stream, "non-streaming"):
		c.Client.Stream = detectors.NonStreaming
	}
	c.RequestBytes, c.ResponseBytes = d.count(fRequestBytes), d.count(fResponseBytes)
	f.NearEmpty = f.LooksNearEmpty()
}

// timing sets when a call was and how long it took: by its ticks, where they
// can be believed, else by when it was logged and its duration.
func (d *Decoder) timing(f *Fragment) {
	c := &f.Call
	request, _ := d.number(fRequestTime)
	response, _ := d.number(fResponseTime)
	c.Time = ofTicks(request, f.Logged)
	if c.Time != 0 && response >= request && ofTicks(response, f.Logged) != 0 {
		c.DurationMs = (response - request) / ticksPerMs
		return
	}
	c.DurationMs = d.count(fDuration)
	if c.Time == 0 {
		c.Time = f.Logged
		if ms := detectors.Time(c.DurationMs); ms > 0 && ms <= maxTickDrift {
			c.Time -= ms
		}
	}
}

// fillModel sets the operation, the model and what follows from them.
func (d *Decoder) fillModel(f *Fragment, operation field) {
	c := &f.Call
	c.Operation = d.name(operation)
	c.Model = d.name(fModel)
	c.Deployment = d.name(fDeployment)
	d.fillClass(f)
	d.fillTokens(f)
}

// fillClass sets what follows from the operation and the model.
func (d *Decoder) fillClass(f *Fragment) {
	c := &f.Call
	if c.Class = d.classOf(c.Operation, c.Model); c.Class == detectors.ClassImage {
		c.Images = 1
	}
}

// fillTokens sets the tokens.
func (d *Decoder) fillTokens(f *Fragment) {
	prompt, completion, cached := d.count(fPrompt), d.count(fCompletion), d.count(fCached)
	if prompt < 0 && completion < 0 {
		return
	}
	f.Call.Tokens = detectors.Tokens{Prompt: max(prompt, 0), Completion: max(completion, 0), Cached: max(cached, 0), Known: true}
}

// identity is a GUID or other id in lower case.
func (d *Decoder) identity(f field) string {
	b := d.text(f)
	for _, c := range b {
		if c >= 'A' && c <= 'Z' {
			b = d.folded(b)
			break
		}
	}
	return d.intern(f, b)
}

// status is the HTTP status at the start of b, 0 where there is none.
func status(b []byte) int {
	if len(b) < 3 || len(b) > 3 && b[3] >= '0' && b[3] <= '9' {
		return 0
	}
	if n := digits(b[:3]); n >= 100 && n <= 599 {
		return n
	}
	return 0
}
