package detectors

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Command is what an analyst says and what changes judgements from then on. It
// stands in the log like a call, so a replay of the log obeys it too. One of
// Exception, Revoke, Verdict, Decoy and Watch is set.
type Command struct {
	Time Time   `json:"time"` // when it was given
	By   string `json:"by"`   // who gave it

	Exception *Exception `json:"exception,omitempty"`
	Revoke    string     `json:"revoke,omitempty"` // id of an exception, decoy or watch that ends
	Verdict   *Verdict   `json:"verdict,omitempty"`
	Decoy     *Decoy     `json:"decoy,omitempty"`
	Watch     *Watch     `json:"watch,omitempty"`
}

// Exception says that what it matches is benign until it expires: the detectors
// that it names do not see such an event, in no count. All of its scope that is
// set must match; where no detector is named none sees the event, and its
// network is usual from then on.
type Exception struct {
	ID        string         `json:"id"`
	Principal *Principal     `json:"principal,omitempty"` // nil: of any
	Resource  string         `json:"resource,omitempty"`  // resource id, or the beginning of it up to a slash, in lower case; "" for any
	Networks  []netip.Prefix `json:"networks,omitempty"`  // none: from anywhere
	Detectors []string       `json:"detectors,omitempty"` // ids; none: all
	Owner     string         `json:"owner"`
	Reason    string         `json:"reason"`
	Ticket    string         `json:"ticket,omitempty"`
	Expires   Time           `json:"expires"`
}

// Verdict is what an analyst makes of an incident.
type Verdict struct {
	Incident  string         `json:"incident"` // id
	Principal Principal      `json:"principal"`
	Value     string         `json:"value"`    // one of VerdictBenign …
	Since     Time           `json:"since"`    // the incident's first event
	Networks  []netip.Prefix `json:"networks"` // that it accuses
}

// Verdicts that change what is judged. A benign one teaches what the incident
// was about; a true positive has it forgotten, as if it had never been met.
const (
	VerdictTruePositive  = "true-positive"
	VerdictFalsePositive = "false-positive"
	VerdictBenign        = "benign"
)

// Decoy is a principal that nobody has reason to use: its key was laid out to be stolen.
type Decoy struct {
	ID        string    `json:"id"`
	Principal Principal `json:"principal"`
	Owner     string    `json:"owner"`
}

// Watch is networks that are looked for.
type Watch struct {
	ID       string         `json:"id"`
	Networks []netip.Prefix `json:"networks"`
	Reason   string         `json:"reason"` // what is known of them, for the analyst who meets them
	Expires  Time           `json:"expires"`
}

// longest is how long an exception or a watch may last.
const longest = 366 * Day

// Check says what is wrong with a command, as a sentence for whoever gave it.
func (c *Command) Check() error {
	said := 0
	for _, is := range []bool{c.Exception != nil, c.Revoke != "", c.Verdict != nil, c.Decoy != nil, c.Watch != nil} {
		if is {
			said++
		}
	}
	switch {
	case c.Time <= 0:
		return errors.New("the command has no time: say when it was given")
	case strings.TrimSpace(c.By) == "":
		return errors.New("the command has no author: say who gives it")
	case said != 1:
		return fmt.Errorf("the command says %d things: exactly one of exception, revoke, verdict, decoy and watch", said)
	case c.Exception != nil:
		return c.Exception.check(c.Time)
	case c.Verdict != nil:
		return c.Verdict.check()
	case c.Decoy != nil && (c.Decoy.ID == "" || c.Decoy.Owner == "" || c.Decoy.Principal.Resource == ""):
		return errors.New("a decoy needs an id, a principal with its resource and an owner")
	case c.Watch != nil && (c.Watch.ID == "" || len(c.Watch.Networks) == 0 || c.Watch.Reason == ""):
		return errors.New("a watch needs an id, networks and a reason")
	case c.Watch != nil:
		return checkExpiry(c.Watch.Expires, c.Time)
	}
	return nil
}

func (x *Exception) check(now Time) error {
	switch {
	case x.ID == "":
		return errors.New("the exception has no id")
	case strings.TrimSpace(x.Owner) == "" || strings.TrimSpace(x.Reason) == "":
		return errors.New("the exception needs an owner and a reason: somebody must be able to ask")
	case x.Principal == nil && x.Resource == "" && len(x.Networks) == 0:
		return errors.New("the exception has no scope: name a principal, a resource or networks")
	}
	return checkExpiry(x.Expires, now)
}

func checkExpiry(expires, now Time) error {
	if expires <= now || expires > now+longest {
		return fmt.Errorf("it expires at %v: it must end after now and within a year (%v)", expires, now+longest)
	}
	return nil
}

func (v *Verdict) check() error {
	if !slices.Contains([]string{VerdictTruePositive, VerdictFalsePositive, VerdictBenign}, v.Value) {
		return fmt.Errorf("the verdict %q changes no judgement: %s, %s and %s do", v.Value, VerdictTruePositive, VerdictFalsePositive, VerdictBenign)
	}
	if v.Incident == "" || v.Principal.Resource == "" && v.Principal.Kind != Operator {
		return errors.New("the verdict needs the incident's id and its principal with the resource")
	}
	return nil
}

// Covers reports whether the exception is about an event of p at t that came from n.
func (x *Exception) Covers(p Principal, n *Network, t Time) bool {
	switch {
	case t >= x.Expires,
		x.Principal != nil && *x.Principal != p,
		x.Resource != "" && p.Resource != x.Resource && !strings.HasPrefix(p.Resource, strings.TrimSuffix(x.Resource, "/")+"/"):
		return false
	}
	return len(x.Networks) == 0 || n.within(x.Networks)
}

// within reports whether the network lies in one of list.
func (n *Network) within(list []netip.Prefix) bool {
	return n.Known() && slices.ContainsFunc(list, func(p netip.Prefix) bool {
		return p.Bits() <= n.Prefix.Bits() && p.Contains(n.Prefix.Addr())
	})
}

// Names reports whether the exception is about what detector id says.
func (x *Exception) Names(id string) bool {
	return len(x.Detectors) == 0 || slices.Contains(x.Detectors, id)
}

// Covers reports whether n is looked for at t.
func (w *Watch) Covers(n *Network, t Time) bool { return t < w.Expires && n.within(w.Networks) }
