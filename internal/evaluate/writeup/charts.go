package writeup

import (
	"fmt"
	"math"
	"slices"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/evaluate"
	"github.com/keywarden/keywarden/internal/evaluate/chart"
	"github.com/keywarden/keywarden/internal/evaluate/peers"
)

// leastFalse stands for none on an axis by powers of ten.
const leastFalse = 0.001

// falseAxis is of false incidents.
func falseAxis() chart.Axis {
	return chart.Axis{Title: "false incidents a principal-month", Low: leastFalse, High: 30, Log: true,
		Ticks: []chart.Tick{{Value: .001, Label: "≤ 0.001"}, {Value: .01, Label: "0.01"}, {Value: .1, Label: "0.1"}, {Value: 1, Label: "1"}, {Value: 10, Label: "10"}}}
}

// operating is what is found against what is false: the risk line, where the
// product stands, and the rules.
func operating(e *evaluate.Evaluation, id, name string) Chart {
	line := chart.Series{Name: "Keywarden, by risk line", Colour: chart.Own, Line: true}
	for _, p := range slices.Backward(e.Line) {
		line.Points = append(line.Points, chart.Point{X: float64(p.False) / p.Months, Y: float64(p.Found) / float64(p.Campaigns)})
	}
	at := func(s *evaluate.Score, label string) chart.Point {
		found, wrong := s.Recall(), s.FalseRate()
		return chart.Point{X: wrong.Estimate, Y: found.Estimate, XLow: wrong.Low, XHigh: wrong.High, YLow: found.Low, YHigh: found.High, Label: label}
	}
	here := chart.Series{Name: "where it stands", Colour: chart.Fourth, Dots: true, Points: []chart.Point{at(&e.Own, "")}}
	vendor := chart.Series{Name: "vendors' rules", Colour: chart.Second, Dots: true}
	hand := chart.Series{Name: "hand-written rules", Colour: chart.Third, Dots: true}
	for i := range e.Rules {
		r := &e.Rules[i]
		label := ""
		if r.New == nil {
			label = "all"
		}
		if r.Group == peers.Vendor {
			vendor.Points = append(vendor.Points, at(&r.Score, label))
		} else {
			hand.Points = append(hand.Points, at(&r.Score, label))
		}
	}
	p := chart.Plot{
		Title:       "Found against false",
		Description: "the share of campaigns found over false incidents a principal-month, of Keywarden at every risk line and of the rules of others; the goal is the corner at the upper left",
		X:           falseAxis(), Y: chart.Percent("campaigns found"),
		Series: []chart.Series{vendor, hand, line, here},
		Goal:   &[4]float64{leastFalse, goalFalse, goalFound, 1},
	}
	return Chart{Name: "found-" + id, Alt: "Found against false, on " + name, SVG: p.SVG()}
}

// precision is the share of incidents that are true over the share of campaigns found.
func precision(e *evaluate.Evaluation, id, name string) Chart {
	line := chart.Series{Name: "Keywarden, by risk line", Colour: chart.Own, Line: true}
	for _, p := range e.Line {
		if p.Alarms == 0 {
			continue
		}
		q := chart.Point{X: float64(p.Found) / float64(p.Campaigns), Y: float64(p.Alarms-p.False) / float64(p.Alarms)}
		if math.Mod(p.Risk, 10) == 0 {
			q.Label, q.Below = fmt.Sprintf("%.0f", p.Risk), true
		}
		line.Points = append(line.Points, q)
	}
	vendor := chart.Series{Name: "vendors' rules", Colour: chart.Second, Dots: true}
	hand := chart.Series{Name: "hand-written rules", Colour: chart.Third, Dots: true}
	for i := range e.Rules {
		r := &e.Rules[i]
		q := chart.Point{X: r.Recall().Estimate, Y: r.Precision().Estimate}
		if r.New == nil {
			q.Label = "all"
		}
		if r.Group == peers.Vendor {
			vendor.Points = append(vendor.Points, q)
		} else {
			hand.Points = append(hand.Points, q)
		}
	}
	own := chart.Series{Name: "where it stands", Colour: chart.Fourth, Dots: true, Points: []chart.Point{{X: e.Own.Recall().Estimate, Y: e.Own.Precision().Estimate}}}
	p := chart.Plot{
		Title:       "Precision and recall over the risk line",
		Description: "the share of incidents that are true over the share of campaigns found, for every risk from which incidents would count; of the rules of others as dots",
		X:           chart.Percent("campaigns found (recall)"), Y: chart.Percent("incidents that are true (precision)"),
		Series: []chart.Series{vendor, hand, line, own},
	}
	return Chart{Name: "precision-" + id, Alt: "Precision and recall, on " + name, SVG: p.SVG()}
}

// delays is how many campaigns were called within a time.
func delays(e *evaluate.Evaluation, id, name string) Chart {
	axis := chart.Axis{Title: "after the attacker's first call", Low: 1. / 60, High: 7200, Log: true, Ticks: []chart.Tick{
		{Value: 1. / 60, Label: "1 s"}, {Value: 1. / 6, Label: "10 s"}, {Value: 1, Label: "1 min"}, {Value: 10, Label: "10 min"}, {Value: 60, Label: "1 h"}, {Value: 1440, Label: "1 day"}, {Value: 7200, Label: "5 days"},
	}}
	curve := func(s *evaluate.Score, name string, colour chart.Colour) chart.Series {
		var found []float64
		for i := range s.Outcomes {
			if o := &s.Outcomes[i]; o.Found {
				found = append(found, float64(o.Delay)/float64(detectors.Minute))
			}
		}
		slices.Sort(found)
		out := chart.Series{Name: name, Colour: colour, Step: true, Points: []chart.Point{{X: axis.Low}}}
		for i, delay := range found {
			out.Points = append(out.Points, chart.Point{X: delay, Y: float64(i+1) / float64(len(s.Outcomes))})
		}
		return chart.Series{Name: out.Name, Colour: colour, Step: true, Points: append(out.Points, chart.Point{X: axis.High, Y: float64(len(found)) / float64(len(s.Outcomes))})}
	}
	p := chart.Plot{
		Title:       "How soon",
		Description: "the share of all campaigns that were called within a time after their first call; the goal is half of them within ten minutes",
		X:           axis, Y: chart.Percent("campaigns called"),
		Series: []chart.Series{curve(&e.Own, "Keywarden", chart.Own)},
		Goal:   &[4]float64{axis.Low, goalMedian, .5, 1},
	}
	for i := range e.Rules {
		if r := &e.Rules[i]; r.New == nil {
			colour := chart.Third
			if r.Group == peers.Vendor {
				colour = chart.Second
			}
			p.Series = append(p.Series, curve(&r.Score, r.Name, colour))
		}
	}
	return Chart{Name: "delay-" + id, Alt: "How soon campaigns are called, on " + name, SVG: p.SVG()}
}
