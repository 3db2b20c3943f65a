package writeup

import (
	"fmt"
	"math"
	"strings"

	"github.com/keywarden/keywarden/internal/evaluate"
	"github.com/keywarden/keywarden/internal/evaluate/chart"
)

// promise is what the bits and the budget promise against what came true.
func promise(p *evaluate.Promise) Section {
	s := Section{ID: "promise", Title: "What is promised, and what came true", Table: &Table{Columns: []Column{
		{Title: "benign change, times what is assumed", Right: true}, {Title: "false incidents a principal-month", Right: true}, {Title: "within the budget of 0.1"},
	}}}
	s.Text = []string{
		fmt.Sprintf("On %d principals for %d days each at every churn, without a campaign, which neither scale nor ladder was measured on: %s principal-days. A finding of b bits promises to come up on at most one benign principal-day in 2^b.",
			p.Sweep.Principals, p.Sweep.Days, thousands(p.Days)),
	}
	var broken []string
	for i := range p.Realised {
		r := &p.Realised[i]
		if b := p.Broken(r); b > 0 {
			broken = append(broken, fmt.Sprintf("`%s` from %d bits on (%s of the days, promised %s %%)", r.Detector, b, share(r.Days[b], p.Days), percent(math.Exp2(-float64(b)))))
		}
	}
	if len(broken) == 0 {
		s.Text = append(s.Text, "Every detector keeps its promise at every number of bits, or its interval holds it.")
	} else {
		s.Text = append(s.Text, "Beyond the error of the sample, these say more than they promise: "+strings.Join(broken, "; ")+".")
	}
	var points []chart.Point
	for _, c := range p.Incidents {
		i := evaluate.PoissonInterval(c.False, c.Months)
		verdict := "yes"
		switch {
		case i.Low > goalFalse:
			verdict = "no"
		case i.High > goalFalse:
			verdict = "the interval holds it"
		}
		s.Table.Rows = append(s.Table.Rows, []string{fmt.Sprintf("× %g", c.Churn), rate(c.False, c.Months), verdict})
		points = append(points, chart.Point{X: c.Churn, Y: max(i.Estimate, leastFalse), YLow: max(i.Low, leastFalse), YHigh: max(i.High, leastFalse)})
	}
	s.Charts = []Chart{calibration(p), churn(points)}
	return s
}

// calibration is promised bits against those that came true, a line a detector.
func calibration(p *evaluate.Promise) Chart {
	const most = 12
	bits := chart.Axis{Low: 3, High: most}
	for b := 3; b <= most; b++ {
		bits.Ticks = append(bits.Ticks, chart.Tick{Value: float64(b), Label: fmt.Sprint(b)})
	}
	plot := chart.Plot{
		Title:       "Promised bits against what came true",
		Description: "for each detector, on which share of benign days it said so many bits or more, as bits; above the dashed line it is quieter than it promises, below it is louder",
		X:           bits, Y: bits,
		Rule: &[4]float64{3, 3, most, most},
	}
	plot.X.Title, plot.Y.Title = "promised, in bits", "came true, in bits"
	quiet := chart.Series{Name: "a detector each", Colour: chart.Muted}
	plot.Series = append(plot.Series, quiet)
	var worst *evaluate.Realised
	for i := range p.Realised {
		r := &p.Realised[i]
		if worst == nil || r.Days[6] > worst.Days[6] {
			worst = r
		}
		plot.Series = append(plot.Series, chart.Series{Colour: chart.Muted, Line: true, Thin: true, Points: realised(p, r, false)})
	}
	plot.Series = append(plot.Series, chart.Series{Name: worst.Detector + ", the loudest", Colour: chart.Own, Line: true, Dots: true, Points: realised(p, worst, true)})
	return Chart{Name: "calibration", Alt: plot.Title, SVG: plot.SVG()}
}

// realised is a detector's line, as far as it has days.
func realised(p *evaluate.Promise, r *evaluate.Realised, intervals bool) []chart.Point {
	var points []chart.Point
	for b := 3; b < len(r.Days) && r.Days[b] > 0; b++ {
		i := p.Rate(r, b)
		q := chart.Point{X: float64(b), Y: -math.Log2(i.Estimate)}
		if intervals {
			q.YLow, q.YHigh = -math.Log2(i.High), -math.Log2(i.Low)
		}
		points = append(points, q)
	}
	return points
}

// churn is the false incidents over how much benign callers change.
func churn(points []chart.Point) Chart {
	axis := falseAxis()
	axis.Ticks = axis.Ticks[:4]
	axis.High = 1
	plot := chart.Plot{
		Title:       "False incidents over benign change",
		Description: "false incidents a principal-month, with their 95 % intervals, where callers change their networks and habits a quarter to four times as often as is assumed; the dashed line is the budget",
		X: chart.Axis{Title: "times the change that is assumed", Low: .2, High: 5, Log: true,
			Ticks: []chart.Tick{{Value: .25, Label: "¼"}, {Value: .5, Label: "½"}, {Value: 1, Label: "1"}, {Value: 2, Label: "2"}, {Value: 4, Label: "4"}}},
		Y:      axis,
		Series: []chart.Series{{Colour: chart.Own, Line: true, Dots: true, Points: points}},
		Rule:   &[4]float64{.2, goalFalse, 5, goalFalse},
	}
	return Chart{Name: "churn", Alt: plot.Title, SVG: plot.SVG()}
}
