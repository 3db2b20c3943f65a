package incident

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/keywarden/keywarden/detectors"
)

// Bounds of what an incident keeps, whatever the detectors hand in.
const (
	maxDetectors  = 32   // further detectors are left out
	maxPrincipals = 64   // further principals are left out
	maxAccused    = 256  // networks; calls from further ones are not counted
	maxFacts      = 12   // per finding, the first by name
	maxList       = 8    // texts in a fact
	maxNetworks   = 3    // per finding
	maxText       = 120  // bytes of a text or a fact
	maxSummary    = 500  // bytes
	maxBits       = 1000 // beyond it there is nothing to tell apart
)

// Evidence is what an incident keeps of one detector's findings.
type Evidence struct {
	Detector  string      `json:"detector"`
	Title     string      `json:"title"` // of the detector
	Count     int         `json:"count"`
	First     Observation `json:"first"`
	Strongest Observation `json:"strongest"`
	Last      Observation `json:"last"`
}

// Observation is one finding. Its texts, facts and networks are cut to a bound.
type Observation struct {
	Time     detectors.Time `json:"time"`
	Bits     float64        `json:"bits"`
	Hand     detectors.Hand `json:"hand,omitempty"`
	Summary  string         `json:"summary"`
	Observed Facts          `json:"observed"`
	Usual    Facts          `json:"usual"`
	Networks []Network      `json:"networks,omitempty"` // the strongest first
}

// Network is a network that a finding accuses.
type Network struct {
	Prefix       string `json:"prefix"`            // /24 or /48
	Country      string `json:"country,omitempty"` // ISO 3166-1 alpha-2; "" where unknown or in doubt
	ASN          uint32 `json:"asn,omitempty"`
	Organization string `json:"organization,omitempty"`
	Kind         string `json:"kind"` // as detectors.NetworkKind has it
}

// Facts are detectors.Facts that survive JSON: each value is a finite float64,
// a string or a []string.
type Facts detectors.Facts

// UnmarshalJSON reads Facts and refuses other types of values.
func (f *Facts) UnmarshalJSON(data []byte) error {
	var raw map[string]any
	if err := json.Unmarshal(data, &raw); err != nil {
		return err
	}
	*f = make(Facts, len(raw))
	for name, value := range raw {
		switch v := value.(type) {
		case float64, string:
			(*f)[name] = v
		case []any:
			texts := make([]string, len(v))
			for i := range v {
				var ok bool
				if texts[i], ok = v[i].(string); !ok {
					return fmt.Errorf("fact %q holds a %T in a list: only texts may stand there", name, v[i])
				}
			}
			(*f)[name] = texts
		default:
			return fmt.Errorf("fact %q is a %T: it must be a number, a text or a list of texts", name, value)
		}
	}
	return nil
}

// observe makes the bounded form of a finding.
func observe(f detectors.Finding) Observation {
	o := Observation{
		Time:     f.Time,
		Bits:     min(f.Bits, maxBits),
		Hand:     f.Hand,
		Summary:  clip(f.Summary, maxSummary),
		Observed: boundFacts(f.Observed),
		Usual:    boundFacts(f.Usual),
	}
	for _, n := range f.Networks {
		if !n.Known() || len(o.Networks) == maxNetworks {
			continue
		}
		known := Network{Prefix: n.Prefix.String(), ASN: n.ASN, Organization: clip(n.Organization, maxText), Kind: n.Kind.String()}
		if !n.Weak {
			known.Country = clip(n.Country.String(), 2)
		}
		o.Networks = append(o.Networks, known)
	}
	return o
}

func boundFacts(f detectors.Facts) Facts {
	bound := make(Facts, min(len(f), maxFacts))
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if len(bound) == maxFacts {
			break
		}
		if value, ok := boundFact(f[name]); ok {
			bound[clip(name, maxText)] = value
		}
	}
	return bound
}

// digits is x to six significant digits, as people read it; whole numbers stay.
func digits(x float64) float64 {
	if x == math.Trunc(x) || math.IsNaN(x) {
		return x
	}
	rounded, err := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 6, 64), 64)
	if err != nil {
		return x
	}
	return rounded
}

// boundFact leaves out what is no number at all and writes types that a Fact
// must not have as text.
func boundFact(value any) (any, bool) {
	switch v := value.(type) {
	case float64:
		return digits(v), !math.IsNaN(v) && !math.IsInf(v, 0)
	case string:
		return clip(v, maxText), true
	case []string:
		texts := make([]string, min(len(v), maxList))
		for i := range texts {
			texts[i] = clip(v[i], maxText)
		}
		return texts, true
	default:
		return clip(fmt.Sprint(v), maxText), true
	}
}

// clip is text as valid UTF-8 without control characters, at most limit bytes.
func clip(text string, limit int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, text[:min(len(text), 4*limit)])
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}

// tenths cuts bits for display, so that they never show more than was reached;
// the little that is added is for figures that are tenths but for rounding.
func tenths(bits float64) float64 { return math.Floor(bits*10+1e-9) / 10 }

func cents(usd float64) float64 { return math.Round(usd*100) / 100 }
