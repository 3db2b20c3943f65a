package resale

import (
	"fmt"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Networks and organisations added to both sides of a ratio.
const (
	slackNetworks      = 2
	slackOrganizations = 1
)

// accused is how many networks of before a finding names.
const accused = 7

// networks counts where calls come from by the clock hour.
type networks struct {
	Said                stat.Latch
	Hour                int64     // since 1970
	WidestNetworks      stat.Peak // of the hours before
	WidestOrganizations stat.Peak
	Networks            stat.Distinct
	Organizations       stat.Distinct
}

// observe counts a call; the finding has no bits where there is nothing new to say.
func (s *networks) observe(before *detectors.Profile, call *detectors.Call) detectors.Finding {
	hour := int64(call.Time / detectors.Hour)
	if hour < s.Hour || !call.From.Known() {
		return detectors.Finding{}
	}
	if hour > s.Hour {
		s.turn(hour, before.Guarded)
	}
	wider := s.Networks.Add(stat.MixPrefix(call.From.Prefix))
	if call.From.ASN != 0 && s.Organizations.Add(stat.Mix(uint64(call.From.ASN))) {
		wider = true
	}
	if !wider {
		return detectors.Finding{}
	}
	nets, organizations := s.Networks.Count(), s.Organizations.Count()
	busier := before.Busier(call.Time)
	bits := max(
		before.Bits("resale/networks", call.Time, stat.Above(nets, busier*s.WidestNetworks.Max, busier*slackNetworks)),
		before.Bits("resale/organizations", call.Time, stat.Above(organizations, busier*s.WidestOrganizations.Max, busier*slackOrganizations)),
	)
	if !s.Said.Raise(int64(call.Time/detectors.Day), bits, detectors.MinBits) {
		return detectors.Finding{}
	}
	f := detectors.Finding{
		Bits: bits,
		Summary: fmt.Sprintf("called from %.0f networks of %.0f organisations within an hour; its widest hour had %.0f of %.0f",
			nets, organizations, s.WidestNetworks.Max, s.WidestOrganizations.Max),
		Observed: detectors.Facts{"networksPerHour": nets, "organizationsPerHour": organizations},
		Usual:    detectors.Facts{"maxNetworksPerHour": s.WidestNetworks.Max, "maxOrganizationsPerHour": s.WidestOrganizations.Max},
	}
	if before.Standing(&call.From, call.Time) != detectors.Usual {
		f.Networks = append(f.Networks, call.From)
	}
	for _, stranger := range before.Strangers(call.Time, accused) {
		if stranger.Prefix != call.From.Prefix {
			f.Networks = append(f.Networks, stranger)
		}
	}
	if len(f.Networks) > 0 {
		f.Hand = detectors.StrangeHand
	}
	return f
}

// turn begins an hour. What an open incident is about is not learned as usual.
func (s *networks) turn(hour int64, guarded bool) {
	if s.Hour != 0 && !guarded {
		s.WidestNetworks.Learn(s.Hour, s.Networks.Count())
		s.WidestOrganizations.Learn(s.Hour, s.Organizations.Count())
	}
	s.Hour, s.Networks, s.Organizations = hour, stat.Distinct{}, stat.Distinct{}
}
