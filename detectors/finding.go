package detectors

// Finding is what one detector says at one time about one principal.
type Finding struct {
	Detector string // the detector's ID; set by Detector.Observe
	Hand     Hand   // whose doing it is about; where a detector leaves it AnyHand, that of the event
	Time     Time   // of the event that made it certain enough
	Young    bool   // the profile that it was judged by is young

	// Bits is the surprise: a benign principal has a finding of b bits or more
	// from this detector on at most 2^-b of its days.
	Bits float64

	Summary  string // one sentence, what was seen, for an analyst
	Observed Facts
	Usual    Facts     // the same facts as the profile knew them before
	Networks []Network // whom the finding accuses, the strongest first; may be empty
}

// MostOfPlace is the most bits that a place says for itself, but for a Tor exit,
// servers for rent in a strange country and homes of several such countries on one
// day: whoever owns a principal is somewhere else at times.
const MostOfPlace = 14

// Hand is whose doing a finding is about.
type Hand uint8

// Hands.
const (
	AnyHand     Hand = iota // nobody's in particular: an act, a touch of several principals, or time that passes
	OwnHand                 // a call from networks that the principal usually uses
	StrangeHand             // a call from others
	Hands       int  = iota // how many there are
)

// hand is whose doing e is for the principal of before.
func hand(before *Profile, e Event) Hand {
	var from *Network
	switch e := e.(type) {
	case *Call:
		from = &e.From
	case *Usage:
		from = &e.From
	default:
		return AnyHand
	}
	if before.Standing(from, e.When()) == Usual {
		return OwnHand
	}
	return StrangeHand
}

// Facts are named figures or short texts: float64, string or []string. Names
// are in camel case and carry the unit, as in "imagesPerHour".
type Facts map[string]any

// Severity is how much an analyst should care.
type Severity uint8

// Severities in ascending order.
const (
	Info Severity = iota
	Low
	Medium
	High
	Critical
)

var severityNames = [...]string{"info", "low", "medium", "high", "critical"}

// String is the severity in lower case.
func (s Severity) String() string { return severityNames[s] }

// MarshalText is String.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (s *Severity) UnmarshalText(text []byte) error { return parseName(s, severityNames[:], text) }

// Family groups detectors that see the same thing from several sides: what
// they add to an incident's risk is capped together.
type Family uint8

// Families of detectors.
const (
	Place Family = iota
	Volume
	Image
	FanOut
	Errors
	ControlPlane
	Behaviour            // how it is called: the program and the task
	Hours                // when it is called, and when it is not
	Families  int = iota // how many there are
)

var familyNames = [...]string{"place", "volume", "image", "fan-out", "errors", "control-plane", "behaviour", "hours"}

// String is the family in lower case.
func (f Family) String() string { return familyNames[f] }

// MarshalText is String.
func (f Family) MarshalText() ([]byte, error) { return []byte(f.String()), nil }
