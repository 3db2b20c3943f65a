package simulate

import "github.com/keywarden/keywarden/detectors"

// span is a time during which something goes on.
type span struct{ from, to detectors.Time }

// outage reports whether Azure OpenAI fails in a region at t.
func (t *town) outage(region string, at detectors.Time) bool {
	spans, known := t.outages[region]
	if !known {
		spans = t.planOutages(region)
	}
	for _, s := range spans {
		if at >= s.from && at < s.to {
			return true
		}
	}
	return false
}

func (t *town) planOutages(region string) []span {
	o := t.options
	r := stream(o.Seed, "outages/"+region)
	spans := []span{}
	for day := range o.Days {
		if !chance(r, churnOutage*o.Churn) {
			continue
		}
		from := o.day(day) + detectors.Time(between(r, 0, float64(detectors.Day)))
		to := from + detectors.Time(between(r, 20, 90)*float64(detectors.Minute))
		spans = append(spans, span{from, to})
		t.note(Lookalike{Kind: "outage", Region: region, From: from, To: to})
	}
	t.outages[region] = spans
	return spans
}
