package detectors

import (
	"fmt"
	"net/netip"
	"time"
)

// Time is an instant in milliseconds since 1970-01-01T00:00:00Z. Zero means
// unknown: no record of Azure OpenAI is that old.
type Time int64

// Lengths of time in the unit of Time.
const (
	Second Time = 1000
	Minute      = 60 * Second
	Hour        = 60 * Minute
	Day         = 24 * Hour
)

// TimeOf is t as a Time; parts of a millisecond are cut off.
func TimeOf(t time.Time) Time { return Time(t.UnixMilli()) }

// UTC is t as a time.Time in UTC.
func (t Time) UTC() time.Time { return time.UnixMilli(int64(t)).UTC() }

// String is t in RFC 3339, in UTC, with milliseconds only where they are not zero.
func (t Time) String() string {
	if t%Second == 0 {
		return t.UTC().Format(time.RFC3339)
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z07:00")
}

// MarshalText is String, so that a Time in JSON is a RFC 3339 string.
func (t Time) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (t *Time) UnmarshalText(text []byte) error {
	parsed, err := time.Parse(time.RFC3339Nano, string(text))
	if err != nil {
		return err
	}
	*t = TimeOf(parsed)
	return nil
}

// Event is what a judgement is made of. It is one of *Call, *Usage, *Act,
// *Sighting and Tick; a detector looks at those that it knows and ignores the rest. An event
// is only valid during Observe: who wants to keep a part of it copies that part.
type Event interface {
	// When is the time of the event itself, not of its arrival.
	When() Time
}

// Call is one call of a model or of the data plane's management operations.
type Call struct {
	Time       Time   // when the service received the request
	DurationMs int64  // until the answer was complete; -1 where unknown
	Status     int    // HTTP status of the answer; 0 where unknown
	Operation  string // as Azure names it, for instance "ChatCompletions_Create"
	Class      Class  // what Operation and Model amount to
	Model      string // model name, for instance "gpt-4o"; "" where unknown
	Deployment string // deployment name; "" where unknown
	Client     Client

	RequestBytes  int64 // -1 where unknown
	ResponseBytes int64 // -1 where unknown
	Tokens        Tokens
	Images        int // images asked for: 1 for a call of ClassImage whose number is not logged

	From     Network
	Filtered bool // the log itself says that a content filter refused the call
	Unproven bool // no row told who called: it is charged to the account's keys for want of better
}

// When implements Event.
func (c *Call) When() Time { return c.Time }

// Failed reports whether the service refused the call or failed (status 400 and above).
func (c *Call) Failed() bool { return c.Status >= 400 }

// WrongKey reports whether the key of the call was refused (status 401):
// whoever called is not the principal, and had nothing of it.
func (c *Call) WrongKey() bool { return c.Status == 401 }

// Proven reports whether the log shows who made the call: a row that the engine
// finds incomplete, and one with neither model nor lengths nor a refusal, is a
// near-empty twin, whose caller another row has.
func (c *Call) Proven() bool {
	return !c.Unproven && (c.Model != "" || c.RequestBytes > 0 || c.ResponseBytes > 0 || c.Failed())
}

// Usage is the tokens of a Call that was already judged without them. It
// belongs to the minute and the network of that call.
type Usage struct {
	Time       Time // of the call
	Class      Class
	Model      string
	Deployment string
	Tokens     Tokens // what the call did not have yet
	From       Network
}

// When implements Event.
func (u *Usage) When() Time { return u.Time }

// Tokens counts what a call consumed. Cached is a part of Prompt and is never added to it.
type Tokens struct {
	Prompt, Cached, Completion int64
	Known                      bool // false: the log has not said
}

// Total is what counts against a quota: prompt and completion.
func (t Tokens) Total() int64 { return t.Prompt + t.Completion }

// Client is what a log tells of the program behind a call. Azure OpenAI's own
// log has no user agent; behind API Management there may be one.
type Client struct {
	APIVersion string // "2024-10-21"; "" where unknown
	UserAgent  string // "" where not logged
	Stream     Stream
}

// Stream says how the answer was asked for.
type Stream uint8

// Ways to ask for an answer.
const (
	StreamUnknown Stream = iota
	Streaming
	NonStreaming
)

// Class is the kind of work that a call asks for.
type Class uint8

// Kinds of work. ClassUnknown is a call whose operation is not known here; it is still judged.
const (
	ClassUnknown    Class = iota
	ClassChat             // chat, completions, responses, assistants' runs
	ClassEmbedding        // embeddings
	ClassImage            // image generation and editing
	ClassAudio            // speech, transcription, translation, realtime
	ClassListing          // reads the names of models or deployments
	ClassManagement       // files, fine-tuning, stores, assistants, threads: data-plane housekeeping
)

var classNames = [...]string{"unknown", "chat", "embedding", "image", "audio", "listing", "management"}

// Known reports whether c is one of the kinds of work above.
func (c Class) Known() bool { return int(c) < len(classNames) }

// String is the class in lower case.
func (c Class) String() string { return classNames[c] }

// Act is something that somebody did on the control plane, or to a key.
type Act struct {
	Time      Time
	Operation string // lower case, for instance "microsoft.cognitiveservices/accounts/listkeys/action"
	Target    string // resource id acted on, child ids included, lower case
	Succeeded bool
	Actor     Actor
	From      Network
}

// When implements Event.
func (a *Act) When() Time { return a.Time }

// Actor is who did an Act; each part is "" where the log does not say.
type Actor struct {
	ObjectID string // Entra object id
	Name     string // user principal name
	AppID    string // application (client) id
}

// Tick says that a resource has been silent until then: for as long as its
// profile awaits (see [Profile.Awaits]), while the log went on.
type Tick Time

// When implements Event.
func (t Tick) When() Time { return Time(t) }

// Network is where a call came from, as far as the log and the tables know.
type Network struct {
	Prefix       netip.Prefix // the caller's /24 (IPv4) or /48 (IPv6); the zero Prefix where unknown
	Address      netip.Addr   // the full address where it was logged, else the zero Addr
	Country      Country      // zero where unknown
	Weak         bool         // sources differ on Country: never evidence by itself
	ASN          uint32       // autonomous system; 0 where unknown
	Organization string       // who runs the ASN; "" where unknown
	Kind         NetworkKind
	Watched      string // why an analyst looks for it; "" where nobody does
}

// Known reports whether the log had an address at all.
func (n *Network) Known() bool { return n.Prefix.IsValid() }

// Site is who runs a network and, of a cloud, in which country: the autonomous
// system, and the country in the upper half. A program moves within a region of
// a cloud, but whoever rents a machine in another one is not its owner for that.
// It is 0 where the system is unknown.
func (n *Network) Site() uint64 {
	site := uint64(n.ASN)
	if site != 0 && (n.Kind == Azure || n.Kind == Cloud) {
		site |= uint64(n.Country[0])<<40 | uint64(n.Country[1])<<32
	}
	return site
}

// String is the network for an analyst: its prefix, who runs it and its kind, as far as known.
func (n *Network) String() string {
	switch {
	case !n.Known():
		return "an unknown network"
	case n.Organization == "" && n.ASN != 0:
		return fmt.Sprintf("%s (AS%d, %s)", n.Prefix, n.ASN, n.Kind)
	case n.Organization == "":
		return n.Prefix.String()
	}
	return fmt.Sprintf("%s (%s, %s)", n.Prefix, n.Organization, n.Kind)
}

// Country is an ISO 3166-1 alpha-2 code in upper case; the zero Country is unknown.
type Country [2]byte

// Known reports whether c is a country at all.
func (c Country) Known() bool { return c != Country{} }

// String is the two letters, or "" where unknown.
func (c Country) String() string {
	if !c.Known() {
		return ""
	}
	return string(c[:])
}

// NetworkKind says what sort of customers a network has.
type NetworkKind uint8

// Kinds of network. The order is that of the embedded table: add at the end.
const (
	NetworkUnknown NetworkKind = iota
	Residential                // internet access of homes and phones
	Business                   // an organisation's own network
	Cloud                      // a large cloud other than Azure
	Azure                      // Microsoft's own
	Hosting                    // servers for rent
	VPN                        // commercial VPN or proxy
	Tor                        // Tor exit
)

var networkKindNames = [...]string{"unknown", "residential", "business", "cloud", "azure", "hosting", "vpn", "tor"}

// String is the kind in lower case.
func (k NetworkKind) String() string { return networkKindNames[k] }

// Anonymous reports whether such a network hides who is behind it, or is rented by the hour.
func (k NetworkKind) Anonymous() bool { return k == Hosting || k == VPN || k == Tor }

// Communal reports whether strangers share the networks of the kind: those of clouds, hosters, VPNs and Tor are nobody's home.
func (k NetworkKind) Communal() bool { return k.Anonymous() || k == Azure || k == Cloud }
