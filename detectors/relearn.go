package detectors

import (
	"net/netip"
	"slices"
)

// Accuse marks the networks that an incident is about at t: what comes from
// them is foreign for accusedFor, or until the incident is judged benign.
func (p *Profile) Accuse(networks []netip.Prefix, t Time) {
	for _, n := range networks {
		if e := p.Networks.Find(n); e != nil {
			e.Accused = t
		}
	}
}

// Settle makes networks usual at once: somebody vouches for them.
func (p *Profile) Settle(networks []netip.Prefix) {
	for _, n := range networks {
		if e := p.Networks.Find(n); e != nil {
			e.First, e.Accused = min(e.First, p.First+settled-1), 0
		}
	}
}

// Forget makes the networks, and all other values that were first met since
// then, as if they had never been met: they came with an attacker.
func (p *Profile) Forget(networks []netip.Prefix, since Time) {
	p.Networks.drop(func(e *Value[netip.Prefix]) bool { return slices.Contains(networks, e.Key) })
	p.Organizations.drop(func(e *Value[uint64]) bool { return e.First >= since })
	p.Countries.drop(func(e *Value[Country]) bool { return e.First >= since })
	p.Kinds.drop(func(e *Value[NetworkKind]) bool { return e.First >= since })
	p.Models.drop(func(e *Value[string]) bool { return e.First >= since })
	p.Deployments.drop(func(e *Value[string]) bool { return e.First >= since })
	p.Operations.drop(func(e *Value[string]) bool { return e.First >= since })
	p.Clients.drop(func(e *Value[Client]) bool { return e.First >= since })
}

// Absolve takes every accusation back: what the principal did was benign.
func (p *Profile) Absolve() {
	for i := range p.Networks.entries {
		p.Networks.entries[i].Accused = 0
	}
}
