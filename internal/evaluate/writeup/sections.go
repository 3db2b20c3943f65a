package writeup

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/keywarden/keywarden/internal/evaluate"
	"github.com/keywarden/keywarden/internal/evaluate/chart"
	"github.com/keywarden/keywarden/internal/simulate"
)

// campaigns is how each kind fares, the weakest first.
func campaigns(e *evaluate.Evaluation, id, name string) Section {
	kinds := kindsOf(e)
	s := Section{ID: "campaigns-" + id, Title: "Campaigns on " + name + ", the weakest first", Table: &Table{Columns: []Column{
		{Title: "campaign", Code: true}, {Title: "what happens"}, {Title: "found", Right: true},
		{Title: "smash", Right: true}, {Title: "normal", Right: true}, {Title: "slow", Right: true}, {Title: "median delay", Right: true},
	}}}
	if weakest := kinds[0]; weakest.Found() < len(weakest.Outcomes) {
		s.Text = append(s.Text, fmt.Sprintf("The weakest is `%s`: %s. %s.", weakest.name, recall(&weakest.Score), upper(texts()[weakest.name])))
	} else {
		s.Text = append(s.Text, fmt.Sprintf("All were found; the slowest to be called is `%s`.", weakest.name))
	}
	bars := chart.Bars{Title: "Found, by campaign", Description: "the share of each kind that was found, with its 95 % interval", Goal: goalFound}
	what := texts()
	for _, k := range kinds {
		row := []string{k.name, what[k.name], recall(&k.Score)}
		for _, strength := range []simulate.Strength{simulate.Smash, simulate.Normal, simulate.Slow} {
			some := k.Where(func(o *evaluate.Outcome) bool { return o.Campaign.Strength == strength })
			row = append(row, counts(&some))
		}
		s.Table.Rows = append(s.Table.Rows, append(row, median(&k.Score)))
		i := k.Recall()
		bars.Bars = append(bars.Bars, chart.Bar{Name: k.name, Value: i.Estimate, Low: i.Low, High: i.High, Text: counts(&k.Score)})
	}
	s.Charts = []Chart{{Name: "campaigns-" + id, Alt: "Found, by campaign, on " + name, SVG: bars.SVG()}}
	return s
}

// strengths is how loud a campaign has to be.
func strengths(e *evaluate.Evaluation, id, name string) Section {
	s := Section{ID: "strengths-" + id, Title: "Strengths on " + name, Table: &Table{Columns: []Column{
		{Title: "strength", Code: true}, {Title: "found", Right: true}, {Title: "median delay", Right: true}, {Title: "within 5 min or 10 calls", Right: true},
	}}}
	for _, g := range grouped(&e.Own, strengthOf) {
		s.Table.Rows = append(s.Table.Rows, []string{g.name, recall(&g.Score), median(&g.Score), prompt(&g.Score)})
	}
	return s
}

// beside is the rules of others in the same run.
func beside(e *evaluate.Evaluation, id, name string) Section {
	s := Section{
		ID: "beside-" + id, Title: "Beside the rules of others, on " + name,
		Text: []string{"Restated from their public descriptions and judged on the same events. They fire with the event that fulfils their condition, not with the next run of a query, and a rule that keeps firing about one principal or resource is one false incident a day: both are in their favour."},
		Table: &Table{Columns: []Column{
			{Title: "rule", Code: true}, {Title: "condition"}, {Title: "whose"}, {Title: "found", Right: true},
			{Title: "false incidents a principal-month", Right: true}, {Title: "median delay", Right: true},
		}},
		Charts: []Chart{operating(e, id, name), precision(e, id, name), delays(e, id, name)},
	}
	row := func(rule, text, source string, score *evaluate.Score) {
		s.Table.Rows = append(s.Table.Rows, []string{rule, text, source, recall(score), falseRate(score), median(score)})
	}
	row("keywarden", "incidents of medium severity and above", "", &e.Own)
	for i := range e.Rules {
		r := &e.Rules[i]
		row(r.Name, r.Text, r.Source, &r.Score)
	}
	return s
}

// victims is how the archetypes fare: as victims, and as those about whom false incidents are.
func victims(e *evaluate.Evaluation) Section {
	s := Section{ID: "archetypes", Title: "Archetypes, the weakest first", Table: &Table{Columns: []Column{
		{Title: "archetype", Code: true}, {Title: "campaigns against it found", Right: true}, {Title: "false incidents a principal-month", Right: true},
	}}}
	s.Text = []string{"A campaign counts to the archetype of its first victim. False incidents about resources themselves, and about callers that nobody simulated as principals, are in the last row."}
	falses := falsesOf(e)
	for _, g := range archetypesOf(e) {
		months := e.Own.Residents[g.name]
		if g.name == others {
			months = e.Own.Months
		}
		s.Table.Rows = append(s.Table.Rows, []string{g.name, recall(&g.Score), rate(falses[g.name], months)})
	}
	return s
}

// archetypesOf are the campaigns by the archetype of their victim, the weakest
// first; those that nobody attacked come after, and others last.
func archetypesOf(e *evaluate.Evaluation) []group {
	var groups []group
	for _, name := range append(simulate.Archetypes(), others) {
		groups = append(groups, group{name, e.Own.Where(func(o *evaluate.Outcome) bool { return victimOf(o) == name })})
	}
	falses := falsesOf(e)
	slices.SortStableFunc(groups[:len(groups)-1], func(a, b group) int {
		return cmp.Or(cmp.Compare(min(1, len(b.Outcomes)), min(1, len(a.Outcomes))), weaker(&a.Score, &b.Score), cmp.Compare(falses[b.name], falses[a.name]))
	})
	return groups
}

// falsesOf is how many false incidents are about each archetype.
func falsesOf(e *evaluate.Evaluation) map[string]int {
	falses := map[string]int{}
	for _, a := range e.Own.False {
		falses[cmp.Or(a.Archetype, others)]++
	}
	return falses
}

// encounters is how each kind of campaign fares against each archetype that was a victim.
func encounters(e *evaluate.Evaluation) Section {
	s := Section{ID: "encounters", Title: "Campaigns and the archetypes of their victims", Table: &Table{Columns: []Column{{Title: "campaign", Code: true}}}}
	s.Text = []string{"Found of how many; empty where there was none. Campaigns and archetypes stand in the order of their tables above, the weakest first."}
	victims := slices.DeleteFunc(archetypesOf(e), func(g group) bool { return len(g.Outcomes) == 0 })
	for _, v := range victims {
		s.Table.Columns = append(s.Table.Columns, Column{Title: v.name, Right: true})
	}
	for _, k := range kindsOf(e) {
		row := []string{k.name}
		for _, v := range victims {
			some := k.Where(func(o *evaluate.Outcome) bool { return victimOf(o) == v.name })
			row = append(row, counts(&some))
		}
		s.Table.Rows = append(s.Table.Rows, row)
	}
	return s
}

// ablation is what each detector is missed for.
func ablation(e *evaluate.Evaluation) Section {
	s := Section{ID: "detectors", Title: "What each detector adds", Table: &Table{Columns: []Column{
		{Title: "detector", Code: true}, {Title: "campaigns that are lost without it", Right: true}, {Title: "called later", Right: true},
		{Title: "no longer within 5 min or 10 calls", Right: true}, {Title: "false incidents that it costs", Right: true}, {Title: "lost"},
	}}}
	s.Text = []string{"Each is left out in turn, on simulated life, and the findings of the others are fused anew."}
	var idle []string
	for i := range e.Ablation {
		a := &e.Ablation[i]
		if !a.Adds() {
			idle = append(idle, "`"+a.Detector+"`")
		}
		var lost []string
		for _, o := range a.Lost {
			lost = append(lost, fmt.Sprintf("%s (%s)", o.Campaign.Kind, o.Campaign.Strength))
		}
		s.Table.Rows = append(s.Table.Rows, []string{a.Detector, fmt.Sprint(len(a.Lost)), fmt.Sprint(len(a.Later)), fmt.Sprint(a.Prompt), fmt.Sprint(a.False), strings.Join(counted(lost), ", ")})
	}
	if len(idle) > 0 {
		s.Text = append(s.Text, "Nothing is lost and nothing is called later without "+strings.Join(idle, ", ")+": of what they see another detector always spoke as early.")
	}
	return s
}

// counted is texts, each once and with its number where that is above one.
func counted(all []string) []string {
	slices.Sort(all)
	var out []string
	for i := 0; i < len(all); {
		n := 1
		for i+n < len(all) && all[i+n] == all[i] {
			n++
		}
		if n > 1 {
			out = append(out, fmt.Sprintf("%d × %s", n, all[i]))
		} else {
			out = append(out, all[i])
		}
		i += n
	}
	return out
}

// missed is every campaign that was not found, so that it can be simulated again.
func missed(e *evaluate.Evaluation, id, name string) Section {
	s := Section{ID: "missed-" + id, Title: "Campaigns that were missed, on " + name, Table: &Table{Columns: []Column{
		{Title: "campaign", Code: true}, {Title: "strength"}, {Title: "seed", Right: true}, {Title: "victim"}, {Title: "calls", Right: true}, {Title: "acts", Right: true}, {Title: "days", Right: true},
	}}}
	for _, o := range e.Own.Outcomes {
		if c := &o.Campaign; !o.Found {
			s.Table.Rows = append(s.Table.Rows, []string{c.ID, string(c.Strength), fmt.Sprint(e.Suite.Seed + uint64(o.Trial)), cmp.Or(o.Victim, "other"),
				thousands(c.Calls), fmt.Sprint(c.Acts), fmt.Sprintf("%.1f", float64(c.LastCall-c.FirstCall)/86.4e6)})
		}
	}
	return orNone(s)
}

// falses is every false incident.
func falses(e *evaluate.Evaluation, id, name string) Section {
	s := Section{ID: "false-" + id, Title: "False incidents on " + name, Table: &Table{Columns: []Column{
		{Title: "archetype", Code: true}, {Title: "risk", Right: true}, {Title: "title"},
	}}}
	for _, a := range e.Own.False {
		s.Table.Rows = append(s.Table.Rows, []string{cmp.Or(a.Archetype, "other"), fmt.Sprintf("%.1f", a.Risk), a.Title})
	}
	return orNone(s)
}

// orNone says so where a table is empty.
func orNone(s Section) Section {
	if len(s.Table.Rows) == 0 {
		s.Table, s.Text = nil, []string{"None."}
	}
	return s
}

// upper is text with its first letter as at the beginning of a sentence.
func upper(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:]
}
