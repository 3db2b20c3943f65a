package simulate

import (
	"bufio"
	"encoding/json"
	"io"
	"net/netip"
	"slices"

	"github.com/keywarden/keywarden/detectors"
)

// Truth is what really happened in a run.
type Truth struct {
	Principals []Resident
	Lookalikes []Lookalike
	Campaigns  []CampaignTruth // in the order of Options.Campaigns
	Calls      int             // all calls made, benign and not, whether or not they were logged
	Deliveries int
}

// Resident is a principal of benign life.
type Resident struct {
	Principal detectors.Principal
	Archetype string
	Country   string // home, ISO 3166-1 alpha-2
}

// Lookalike is something in benign life that looks like abuse and is none.
type Lookalike struct {
	Kind      string              // for instance "trip"
	Principal detectors.Principal // zero where it concerns a company or a region
	Company   int                 // where Principal is zero and Region is ""
	Region    string              // of Azure; "" where it does not concern a region
	From, To  detectors.Time
}

// CampaignTruth is what a campaign did: one line of a truth file.
type CampaignTruth struct {
	ID         string                `json:"id"` // kind and number within the run: "storm-1"
	Kind       string                `json:"kind"`
	Strength   Strength              `json:"strength"`
	Principals []detectors.Principal `json:"principals"` // victims, as Keywarden prints them; a resource where acts come first
	FirstCall  detectors.Time        `json:"firstCall"`  // of the attacker; acts count
	LastCall   detectors.Time        `json:"lastCall"`
	Calls      int                   `json:"calls"`    // made and logged, refused ones too
	Unlogged   int                   `json:"unlogged"` // made, but in no log
	Acts       int                   `json:"acts"`     // on the control plane
	Tokens     int64                 `json:"tokens"`   // prompt and completion, of logged calls
	Images     int                   `json:"images"`

	// Decoy and Watched are what an analyst had named before, for the campaign to run into.
	Decoy   *detectors.Principal `json:"decoy,omitempty"`
	Watched netip.Prefix         `json:"watched,omitzero"`

	// Echoes are the identities with which gateways passed the campaign's calls on
	// to accounts whose own log tells of the same calls once more.
	Echoes []detectors.Principal `json:"echoes,omitempty"`
}

// add counts one of the campaign's calls or acts.
func (t *CampaignTruth) add(c *call, logged bool) {
	at := c.Time
	if c.act != nil {
		at = c.act.Time
	}
	if t.FirstCall == 0 || at < t.FirstCall {
		t.FirstCall = at
	}
	t.LastCall = max(t.LastCall, at)
	if c.act == nil && logged && c.who.on.leg != nil && !slices.Contains(t.Echoes, c.who.on.leg.Principal) {
		t.Echoes = append(t.Echoes, c.who.on.leg.Principal)
	}
	switch {
	case c.act != nil:
		t.Acts++
	case !logged:
		t.Unlogged++
	default:
		t.Calls++
		t.Tokens += c.Tokens.Total()
		if !c.Failed() {
			t.Images += c.Images
		}
	}
}

// WriteCampaigns writes one JSON object a line for each campaign: the truth file.
func (t *Truth) WriteCampaigns(w io.Writer) error {
	out := bufio.NewWriter(w)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for i := range t.Campaigns {
		if err := encoder.Encode(&t.Campaigns[i]); err != nil {
			return err
		}
	}
	return out.Flush()
}
