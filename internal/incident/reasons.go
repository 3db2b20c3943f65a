package incident

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/all"
)

const (
	maxReason = 700 // characters of what says how sure, why or why not
	maxCauses = 3   // ordinary causes that are named
)

const minute = "2006-01-02 15:04 UTC"

// callers are what each kind of principal is, and how sure a log is of it.
var callers = [...]string{
	detectors.AccountKey:        "One or several callers with one of the account's two keys, or with a wrong one where all was answered 401: the log names neither the key nor who used it.",
	detectors.APIMSubscription:  "Whoever has one of the subscription's two keys, or anybody where the API asks for none: the gateway names the subscription, not the program or person who calls.",
	detectors.EntraObject:       "This user, service principal or managed identity, proven by its token; who holds a stolen token or shares a program looks the same.",
	detectors.ResourcePrincipal: "The resource itself, no caller: who acted on it had rights there, and is named as far as the activity log does.",
	detectors.Operator:          "One network at several principals, believed to be one hand: several callers behind one exit look the same.",
}

// certainty says what the principals are and how sure the log is of that, a
// sentence for each kind.
func certainty(principals []detectors.Principal) string {
	var texts []string
	for _, p := range principals {
		texts = include(texts, callers[p.Kind])
	}
	return strings.Join(texts, " ")
}

// why says what makes the severity: the bits, the rung that they are over, and
// what they are made of, the strongest first.
func why(w *weighing, traces []trace) string {
	if len(w.Grounds) == 0 {
		return ""
	}
	first := w.At
	for i := range traces {
		first = min(first, traces[i].First.Time)
	}
	text := fmt.Sprintf("%.1f bits at %s", tenths(w.Risk), w.At.UTC().Format(minute))
	if w.At-first >= detectors.Minute {
		text += fmt.Sprintf(", %s after the first finding", length(w.At-first))
	}
	rung := max(w.Severity, detectors.Low)
	text += fmt.Sprintf("; %s begins at %g: ", rung, least(rung))
	for n, g := range w.strongest() {
		if n > 0 {
			text += ", "
		}
		name, by := detectors.Family(find(traces, g.Detector).Family).String(), g.Detector
		if g.Then != "" {
			name, by = "chain", g.Detector+", then "+g.Then
		}
		text += fmt.Sprintf("%s %.1f (%s)", name, tenths(g.Bits), by)
	}
	text += "."
	switch {
	case grade(w.Risk) == w.Severity:
	case w.Young && w.Severity == maxYoung:
		text += fmt.Sprintf(" It stays %s: too little is known yet of what is usual.", w.Severity)
	default:
		text += fmt.Sprintf(" It stays %s: one sort of evidence alone makes no more.", w.Severity)
	}
	return shorten(clip(text, 4*maxReason), maxReason)
}

// texts are those of the detectors, by id.
var texts = func() map[string]*detectors.Description {
	by := map[string]*detectors.Description{}
	for _, d := range all.Detectors() {
		by[d.ID] = &d.Description
	}
	return by
}()

// harmless names ordinary causes of what the risk is made of, the strongest
// first and each detector's likeliest before any other's second, and what of it
// the owner has to know. evidence is sorted, the strongest first.
func harmless(w *weighing, evidence []Evidence) string {
	var causes, said []string
	for rank := 0; rank < maxCauses; rank++ {
		for _, v := range evidence {
			d := texts[v.Detector]
			if d == nil || rank >= len(d.Benign) || len(causes) == maxCauses || !w.madeOf(v.Detector) {
				continue
			}
			cause := d.Benign[rank]
			if what := known(d.Family, &v.Strongest); rank == 0 && !slices.Contains(said, what) {
				said = append(said, what)
				cause = strings.TrimSuffix(cause, ".") + " (" + what + ")."
			}
			causes = include(causes, cause)
		}
	}
	return shorten(clip(strings.Join(causes, " "), 4*maxReason), maxReason)
}

// known is what of a finding somebody has to know for it to be harmless: the
// network, the program or task, the actor, or else the time.
func known(family detectors.Family, o *Observation) string {
	fact := func(name string) string { text, _ := o.Observed[name].(string); return text }
	switch family {
	case detectors.Place, detectors.FanOut, detectors.Errors:
		if len(o.Networks) > 0 {
			n := o.Networks[0]
			parts := []string{n.Prefix, cmp.Or(shorten(n.Organization, maxName), n.Kind), countryName(n.Country)}
			return "from " + strings.TrimSuffix(strings.Join(parts, ", "), ", ")
		}
	case detectors.Behaviour:
		if text := fact("new"); text != "" {
			return text
		}
		if model := cmp.Or(fact("model"), fact("operation")); model != "" {
			return "with " + model
		}
	case detectors.ControlPlane:
		if actor := fact("actor"); actor != "" {
			return "by " + shorten(actor, maxName)
		}
	}
	return "at " + o.Time.UTC().Format(minute)
}
