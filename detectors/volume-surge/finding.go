package volumesurge

import (
	"fmt"

	"github.com/keywarden/keywarden/detectors"
)

// accused is how many networks of before a finding names.
const accused = 4

// names are of quantities, in texts and as facts.
var names = [detectors.Quantities]string{detectors.Requests: "requests", detectors.TokensUsed: "tokens"}

func finding(before *detectors.Profile, t detectors.Time, from *detectors.Network, s surge) detectors.Finding {
	name := names[s.quantity]
	where := ""
	if s.apart {
		where = " from networks that it does not use"
	}
	f := detectors.Finding{Time: t, Bits: s.bits}
	if !s.persistent {
		f.Summary = fmt.Sprintf("%.0f %s in an hour%s; at most %.0f until now", s.observed, name, where, s.usual)
	} else {
		f.Summary = fmt.Sprintf("%.0f %s in %.1f hours%s, where about %.0f are usual", s.observed, name, s.hours, where, s.usual)
	}
	f.Observed = detectors.Facts{name: s.observed, "hours": s.hours}
	f.Usual = detectors.Facts{name: s.usual, "requestsPerHour": before.Total(detectors.Requests).Mean, "tokensPerHour": before.Total(detectors.TokensUsed).Mean}
	if before.Standing(from, t) != detectors.Usual {
		f.Networks = append(f.Networks, *from)
	}
	if !s.apart {
		return f
	}
	for _, stranger := range before.Strangers(t, accused) {
		if stranger.Prefix != from.Prefix {
			f.Networks = append(f.Networks, stranger)
		}
	}
	return f
}
