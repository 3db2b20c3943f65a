package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/incident"
)

// whom is whom a command is about.
type whom struct {
	Incident  string        `placeholder:"ID" help:"The principal of this incident."`
	Principal principalFlag `placeholder:"KIND:ID" help:"A principal of --resource: entra-object:OBJECT, apim-subscription:NAME, account-key or resource."`
	Resource  resourceFlag  `placeholder:"ID" help:"The id of a resource, as incidents have it."`
}

// checkWhom refuses what cannot be asked for together.
func (w *whom) checkWhom() error {
	switch {
	case w.Incident != "" && (w.Principal.given || w.Resource != ""):
		return errors.New("--incident names its principal and resource itself: leave out --principal and --resource")
	case w.Principal.given && w.Resource == "":
		return errors.New("--principal is of a resource: name it with --resource")
	}
	return nil
}

// principal is the one that is named; nil where none is.
func (w *whom) principal(ctx context.Context, s *service) (*detectors.Principal, error) {
	if w.Incident != "" {
		found, err := s.incident(ctx, w.Incident)
		if err != nil {
			return nil, err
		}
		return &found.Principal, nil
	}
	return w.named(), nil
}

// named is the principal that is named by its kind and id; nil where none is.
func (w *whom) named() *detectors.Principal {
	if !w.Principal.given {
		return nil
	}
	p := detectors.Principal{Kind: w.Principal.kind, ID: w.Principal.id, Resource: string(w.Resource)}
	if p.Kind == detectors.AccountKey || p.Kind == detectors.ResourcePrincipal {
		p.ID = p.Resource
	}
	return &p
}

// incident is an incident of the store.
func (s *service) incident(ctx context.Context, id string) (*incident.Incident, error) {
	store, err := s.backend(ctx)
	if err != nil {
		return nil, err
	}
	found, err := store.incidents.Get(ctx, id)
	if errors.Is(err, incident.ErrNotFound) {
		return nil, fmt.Errorf("there is no incident %q in this store", id)
	}
	return found, err
}

// principalFlag is KIND:ID, or KIND alone where the resource says all.
type principalFlag struct {
	given bool
	kind  detectors.PrincipalKind
	id    string
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (p *principalFlag) UnmarshalText(text []byte) error {
	kind, id, _ := strings.Cut(string(text), ":")
	err := p.kind.UnmarshalText([]byte(kind))
	named := p.kind == detectors.EntraObject || p.kind == detectors.APIMSubscription
	if err != nil || p.kind == detectors.Operator || named != (id != "") {
		return fmt.Errorf("%q is no principal: write entra-object:OBJECT, apim-subscription:NAME, account-key or resource", text)
	}
	if p.kind == detectors.EntraObject {
		id = strings.ToLower(id)
	}
	p.given, p.id = true, id
	return nil
}

// resourceFlag is a resource id, in lower case as the engine has it.
type resourceFlag string

// UnmarshalText implements encoding.TextUnmarshaler.
func (r *resourceFlag) UnmarshalText(text []byte) error {
	id := strings.ToLower(string(text))
	if !strings.HasPrefix(id, "/subscriptions/") && !strings.HasPrefix(id, "custom:") {
		return fmt.Errorf("%q is no resource id: write /subscriptions/…, or custom:NAME for a gateway of your own", text)
	}
	*r = resourceFlag(strings.TrimSuffix(id, "/"))
	return nil
}

// networkFlag is a network or an address.
type networkFlag struct{ netip.Prefix }

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *networkFlag) UnmarshalText(text []byte) error {
	if address, err := netip.ParseAddr(string(text)); err == nil && address.Zone() == "" {
		address = address.Unmap()
		n.Prefix = netip.PrefixFrom(address, address.BitLen())
		return nil
	}
	prefix, err := netip.ParsePrefix(string(text))
	if err != nil {
		return fmt.Errorf("%q is no network: write for instance 203.0.113.0/24", text)
	}
	n.Prefix = prefix.Masked()
	return nil
}

// accountBits is how much of a caller's IPv4 address an account logs.
const accountBits = 24

// prefixes are networks as a command has them. Narrow ones are told of: they
// match only where whole addresses are logged.
func prefixes(list []networkFlag, std *streams) (all []netip.Prefix) {
	for _, n := range list {
		if n.Addr().Is4() && n.Bits() > accountBits {
			wide := netip.PrefixFrom(n.Addr(), accountBits).Masked()
			fmt.Fprintf(std.err, "keywarden: Azure masks the last octet of callers of an account: %v holds only where a gateway logs whole addresses; %v holds for both\n", n, wide)
		}
		all = append(all, n.Prefix)
	}
	return all
}

// lifetime is how long something holds.
type lifetime struct {
	For   spanFlag `placeholder:"SPAN" help:"How long it holds, for instance 30d or 12h; a year at most."`
	Until dayFlag  `placeholder:"TIME" help:"Until when it holds, in place of --for: 2027-01-31, or 2027-01-31T18:00:00Z."`
}

func (l *lifetime) checkEnd() error {
	if (l.For == 0) == (l.Until == 0) {
		return errors.New("say how long it holds: --for 30d, or --until 2027-01-31")
	}
	return nil
}

// expires is when it ends.
func (l *lifetime) expires(now time.Time) detectors.Time {
	if l.Until != 0 {
		return detectors.Time(l.Until)
	}
	return detectors.TimeOf(now.Add(time.Duration(l.For)))
}

// spanFlag is a length of time, in days too: 30d.
type spanFlag time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *spanFlag) UnmarshalText(text []byte) error {
	span, err := time.ParseDuration(string(text))
	if days, ok := strings.CutSuffix(string(text), "d"); ok {
		var n int
		n, err = strconv.Atoi(days)
		span = time.Duration(min(max(n, 0), 10_000)) * 24 * time.Hour
	}
	if err != nil || span <= 0 {
		return fmt.Errorf("%q is no length of time: write for instance 30d or 12h", text)
	}
	*s = spanFlag(span)
	return nil
}

// dayFlag is a time, or the beginning of a day in UTC.
type dayFlag detectors.Time

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *dayFlag) UnmarshalText(text []byte) error {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, string(text)); err == nil {
			*d = dayFlag(detectors.TimeOf(t))
			return nil
		}
	}
	return fmt.Errorf("%q is no time: write 2027-01-31, or 2027-01-31T18:00:00Z", text)
}
