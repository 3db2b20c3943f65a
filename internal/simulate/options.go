package simulate

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/keywarden/keywarden/detectors"
)

// Options say what to simulate. The zero value of a field is its default,
// where one is named; a share or a churn of exactly none is a negative number.
type Options struct {
	Seed       uint64
	Start      time.Time // default 2026-09-07T00:00:00Z, a Monday
	Days       int       // default 14, at most 400
	Principals int       // default 40, at most 10,000; ten are a company
	Churn      float64   // multiple of the rates in churn.go; default 1, at most 20
	Campaigns  []Campaign

	// Mix gives archetypes, by name, a weight of their own; 0 leaves one out.
	Mix map[string]float64

	// Rhythms replace, where there are any, how much the archetypes call when:
	// the i-th principal calls as the i-th rhythm says, modulo their number. What
	// else they do stays: where they call from, with what, and what changes.
	Rhythms []Rhythm

	DelayMin, DelayMax time.Duration // from logging to delivery; default 3 and 10 minutes, at most an hour
	Disorder           float64       // share of rows that come later still; default 0.02
	LateMax            time.Duration // by how much, at most; default 5 minutes, at most an hour
	Duplicates         float64       // share of rows that are delivered twice, a tenth of them three times; default 0.005
	TwinShare          float64       // share of an account's calls that have a near-empty second row; default 0.3
	UsageShare         float64       // share of accounts that export AzureOpenAIRequestUsage; default 0.5
	Partitions         int           // of the hub that is read from; default 4
}

// Limits of Options.
const (
	maxDays       = 400
	maxPrincipals = 10_000
	maxChurn      = 20
	maxDelay      = time.Hour
)

// withDefaults is o with every default filled in, or an error that says what to change.
func (o Options) withDefaults() (Options, error) {
	if o.Start.IsZero() {
		o.Start = time.Date(2026, 9, 7, 0, 0, 0, 0, time.UTC)
	}
	o.Start = o.Start.UTC().Truncate(10 * time.Minute)
	o.Days = orDefault(o.Days, 14)
	o.Principals = orDefault(o.Principals, 40)
	o.Churn = max(0, orDefault(o.Churn, 1))
	o.DelayMin = orDefault(o.DelayMin, 3*time.Minute)
	o.DelayMax = orDefault(o.DelayMax, max(o.DelayMin, 10*time.Minute))
	o.LateMax = orDefault(o.LateMax, 5*time.Minute)
	o.Partitions = orDefault(o.Partitions, 4)
	o.Disorder = min(max(0, orDefault(o.Disorder, .02)), 1)
	o.Duplicates = min(max(0, orDefault(o.Duplicates, .005)), 1)
	o.TwinShare = min(max(0, orDefault(o.TwinShare, .3)), 1)
	o.UsageShare = min(max(0, orDefault(o.UsageShare, .5)), 1)
	switch {
	case o.Days < 1 || o.Days > maxDays:
		return o, fmt.Errorf("%d days: choose 1 to %d", o.Days, maxDays)
	case o.Principals < 1 || o.Principals > maxPrincipals:
		return o, fmt.Errorf("%d principals: choose 1 to %d", o.Principals, maxPrincipals)
	case !(o.Churn <= maxChurn): // not a number, too
		return o, fmt.Errorf("churn %v: choose 0 to %d", o.Churn, maxChurn)
	case o.DelayMin < 0 || o.DelayMin > o.DelayMax || o.DelayMax > maxDelay:
		return o, fmt.Errorf("delay from %v to %v: choose an ascending range up to %v", o.DelayMin, o.DelayMax, maxDelay)
	case o.LateMax < time.Minute || o.LateMax > maxDelay:
		return o, fmt.Errorf("rows later by up to %v: choose one minute to %v", o.LateMax, maxDelay)
	case o.Start.Year() < 2000 || o.Start.Year() > 2100:
		return o, fmt.Errorf("start in the year %d: choose one between 2000 and 2100", o.Start.Year())
	case o.Partitions < 1 || o.Partitions > 1024:
		return o, fmt.Errorf("%d partitions: choose 1 to 1024", o.Partitions)
	}
	for name := range o.Mix {
		if !slices.Contains(Archetypes(), name) {
			return o, fmt.Errorf("no archetype is called %q: there are %s", name, strings.Join(Archetypes(), ", "))
		}
	}
	return o, nil
}

func orDefault[T comparable](value, usual T) T {
	var zero T
	if value == zero {
		return usual
	}
	return value
}

func (o *Options) start() detectors.Time { return detectors.TimeOf(o.Start) }

// day is the beginning of the n-th day, from 0, in UTC.
func (o *Options) day(n int) detectors.Time { return o.start() + detectors.Time(n)*detectors.Day }

func (o *Options) end() detectors.Time { return o.day(o.Days) }

// Check says what is wrong with o, as Generate would, without generating anything.
func (o Options) Check() error {
	_, err := o.Commands()
	return err
}

// Commands are what an analyst has said before the run, for some of its campaigns
// to run into: the decoys and the watched networks of the truth.
func (o Options) Commands() ([]detectors.Command, error) {
	checked, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	truth := Truth{}
	t := newTown(&checked, func(Lookalike) {})
	if _, err := t.plan(t.populate(&truth), &truth); err != nil {
		return nil, err
	}
	var all []detectors.Command
	for _, c := range truth.Campaigns {
		said := detectors.Command{Time: checked.start(), By: "analyst@contoso.example"}
		switch {
		case c.Decoy != nil:
			said.Decoy = &detectors.Decoy{ID: c.ID, Principal: *c.Decoy, Owner: said.By}
		case c.Watched.IsValid():
			said.Watch = &detectors.Watch{ID: c.ID, Networks: []netip.Prefix{c.Watched}, Reason: "an earlier incident", Expires: checked.end() + detectors.Day}
		default:
			continue
		}
		all = append(all, said)
	}
	return all, nil
}
