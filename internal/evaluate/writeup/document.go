// Package writeup writes what an evaluation found: as a [Document], which is the
// same for a terminal, a page of Markdown and a page of HTML, and as JSON lines.
package writeup

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/keywarden/keywarden/internal/evaluate"
	"github.com/keywarden/keywarden/internal/simulate"
)

// Input is what a report is about.
type Input struct {
	Simulated  *evaluate.Evaluation
	Production *evaluate.Evaluation // on the rhythms of real clients; nil where there were none
	Promise    *evaluate.Promise    // nil where it was not asked for
}

// Document is a report before it has a form.
type Document struct {
	Title    string
	Lead     []string // paragraphs
	Sections []Section
}

// Section is a part of it: text, then at most a list, a table and charts.
type Section struct {
	ID     string // unique; of an anchor
	Title  string
	Text   []string // paragraphs
	List   []string
	Table  *Table
	Charts []Chart
}

// Table is figures in rows.
type Table struct {
	Columns []Column
	Rows    [][]string
}

// Column is one of a table's.
type Column struct {
	Title string
	Right bool // flush right, as figures are
	Code  bool // names of the program
}

// Chart is a picture of it.
type Chart struct {
	Name string // of a file, without its ending; unique
	Alt  string
	SVG  string
}

// The goals, as the README states them.
const (
	goalFound  = 0.95
	goalFalse  = 0.1
	goalMedian = 10 // minutes
)

// New makes the document.
func New(in Input) *Document {
	d := &Document{Title: "How good is Keywarden?"}
	s := in.Simulated
	d.Lead = []string{
		fmt.Sprintf("Written by `keywarden evaluate`, %s. %s of %s over %s, with %s of %s in %s: %s, judged as production would judge them.",
			seeds(s), things(s.Suite.Trials, "trial", "trials"), things(s.Suite.Principals, "principal", "principals"), length(s),
			things(len(s.Own.Outcomes), "campaign", "campaigns"), things(len(kindsOf(s)), "kind", "kinds"), things(len(grouped(&s.Own, strengthOf)), "strength", "strengths"), things(s.Events, "record", "records")),
		"A rate comes with its count and its 95 % interval: Wilson's for shares, Garwood's for rates. An incident counts from medium severity on; one that no campaign explains is false. A campaign is found when an incident about a victim of it, or about that victim's account, is raised after its first call. Delay is event time, from that call on: the 3 to 10 minutes that Azure takes to deliver come on top.",
	}
	if open := openBefore(in); open > 0 {
		count := "count"
		if open == 1 {
			count = "counts"
		}
		d.Lead = append(d.Lead, fmt.Sprintf("%s of the campaigns began while a true incident about the same victim was open, and %s as called at once.", upper(number(open)), count))
	}
	d.add(short(in), limits(in))
	d.add(background(s, "simulated", "simulated life")...)
	d.add(victims(s), encounters(s), ablation(s))
	if in.Promise != nil {
		d.add(promise(in.Promise))
	}
	d.add(missed(s, "simulated", "simulated life"), falses(s, "simulated", "simulated life"))
	if p := in.Production; p != nil {
		d.add(background(p, "production", "production rhythms")...)
		d.add(missed(p, "production", "production rhythms"), falses(p, "production", "production rhythms"))
	}
	return d
}

// length is how long the trials are.
func length(e *evaluate.Evaluation) string {
	days := things(e.Suite.Days, "day", "days")
	if e.Suite.Trials > 1 {
		days += " each"
	}
	return days
}

// seeds is whose they are.
func seeds(e *evaluate.Evaluation) string {
	if e.Suite.Name == evaluate.Reporting.Name {
		return "on seeds that nothing was tuned on"
	}
	return "on the seeds that detectors and ladder are tuned on, so that its figures flatter"
}

// openBefore is how many campaigns began while a true incident about their victim was open.
func openBefore(in Input) int {
	n := 0
	for _, e := range []*evaluate.Evaluation{in.Simulated, in.Production} {
		if e == nil {
			continue
		}
		for i := range e.Own.Outcomes {
			if e.Own.Outcomes[i].Open {
				n++
			}
		}
	}
	return n
}

func (d *Document) add(sections ...Section) { d.Sections = append(d.Sections, sections...) }

// short is all in one table.
func short(in Input) Section {
	s := Section{ID: "short", Title: "In short", Table: &Table{Columns: []Column{
		{Title: "judge"}, {Title: "background"}, {Title: "found", Right: true}, {Title: "false incidents a principal-month", Right: true},
		{Title: "median delay", Right: true}, {Title: "within 5 min or 10 calls", Right: true},
	}}}
	row := func(judge, where string, score *evaluate.Score) {
		s.Table.Rows = append(s.Table.Rows, []string{judge, where, recall(score), falseRate(score), median(score), prompt(score)})
	}
	each := func(e *evaluate.Evaluation, where string) {
		row("Keywarden", where, &e.Own)
		for i := range e.Rules {
			if r := &e.Rules[i]; r.New == nil {
				row(r.Name, where, &r.Score)
			}
		}
	}
	each(in.Simulated, "simulated life")
	if in.Production != nil {
		each(in.Production, "production rhythms")
	}
	s.Table.Rows = append(s.Table.Rows, []string{"goal", "", fmt.Sprintf("%.0f %%", 100*goalFound), fmt.Sprintf("%g", goalFalse), fmt.Sprintf("%d min", goalMedian), "half"})
	return s
}

// limits is what the figures do not say.
func limits(in Input) Section {
	s := Section{ID: "limits", Title: "What these figures cannot say", List: []string{
		"How often your callers change their networks, countries, models and programs. No public data fixes that; the simulation assumes it (internal/simulate/churn.go), and the sweep below multiplies what it assumes by a quarter to four.",
		"How your thieves behave. The campaigns follow published cases and the figures of a public evaluation; each kind weighs the same here, whatever its share in the world, and half of the campaigns are of the slow sort.",
		"What a campaign against a principal's first days would do: victims have been in use for about half of the run.",
		"Campaigns that leave nothing in a log, and whether Azure's own alerts would have come. Defender for AI services has published no thresholds; one of its alerts is restated.",
		"What `decoy-key` and `watchlist` are worth to you: they speak where an analyst has named a decoy or a network, and here the campaigns `bait` and `comeback` run into what was named before.",
		"In the ablation, what a detector is worth once the others are tuned without it: its findings are left out, but what was learned, and what an open incident kept from being learned, stays.",
	}}
	if in.Production != nil {
		s.List = append(s.List, "On production rhythms, more than when and how much is called. Times and counts are those of real clients of a cloud's language models (ServeGen, Alibaba, every second one of the file that none of the tuning has seen); networks, identities, models and campaigns are simulated, as those of services, and four kinds of campaign have no victim among these. The busiest are thinned to 2,000 calls a day, beside which a campaign stands out more than beside all of them.")
	} else {
		s.List = append(s.List, "Anything about production rhythms: no clients were given (`--servegen DIR`).")
	}
	return s
}

// background is what is told of each background: campaigns, strengths and the rules beside.
func background(e *evaluate.Evaluation, id, name string) []Section {
	return []Section{campaigns(e, id, name), strengths(e, id, name), beside(e, id, name)}
}

// group is campaigns with something in common.
type group struct {
	name string
	evaluate.Score
}

// grouped are the campaigns by something, the group that is found least first.
func grouped(s *evaluate.Score, by func(*evaluate.Outcome) string) []group {
	var names []string
	for i := range s.Outcomes {
		if name := by(&s.Outcomes[i]); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	groups := make([]group, len(names))
	for i, name := range names {
		groups[i] = group{name, s.Where(func(o *evaluate.Outcome) bool { return by(o) == name })}
	}
	slices.SortStableFunc(groups, func(a, b group) int { return weaker(&a.Score, &b.Score) })
	return groups
}

// weaker orders scores by the share that is found, then by how many were missed, then by the delay.
func weaker(a, b *evaluate.Score) int {
	switch x, y := a.Recall().Estimate, b.Recall().Estimate; {
	case x < y:
		return -1
	case x > y:
		return 1
	}
	if n := len(b.Outcomes) - b.Found() - len(a.Outcomes) + a.Found(); n != 0 {
		return n
	}
	x, _, _ := a.Median()
	y, _, _ := b.Median()
	switch {
	case x > y:
		return -1
	case x < y:
		return 1
	}
	return 0
}

func kindOf(o *evaluate.Outcome) string     { return o.Campaign.Kind }
func strengthOf(o *evaluate.Outcome) string { return string(o.Campaign.Strength) }
func victimOf(o *evaluate.Outcome) string   { return cmp.Or(o.Victim, others) }

// others is who is no archetype: resources, and callers that nobody simulated as principals.
const others = "others"

// kindsOf are the kinds of campaign in an evaluation.
func kindsOf(e *evaluate.Evaluation) []group { return grouped(&e.Own, kindOf) }

// texts are what happens in a campaign, by its kind.
func texts() map[string]string {
	all := map[string]string{}
	for _, k := range simulate.Kinds() {
		all[k] = simulate.KindText(k)
	}
	return all
}
