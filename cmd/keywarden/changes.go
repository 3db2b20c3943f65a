package main

import (
	"fmt"
	"io"
	"strconv"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/evaluate/backtest"
	"github.com/keywarden/keywarden/internal/incident"
)

// printChanges prints what a change of settings would do, for people.
func printChanges(w io.Writer, r *backtest.Result) error {
	if _, err := fmt.Fprint(w, summaryOf(r)); err != nil || len(r.Changes) == 0 {
		return err
	}
	t := table{columns: []column{
		{title: "change", fixed: true},
		{title: "known", fixed: true},
		{title: "severity", fixed: true},
		{title: "opened (UTC)", fixed: true},
		{title: "risk", right: true, fixed: true},
		{title: "principal"},
		{title: "title", below: true},
	}}
	for i := range r.Changes {
		c := &r.Changes[i]
		now := c.Before
		if now == nil {
			now = c.After
		}
		known := ""
		if c.TruePositive {
			known = "true positive"
		}
		t.rows = append(t.rows, []cell{
			{text: string(c.Kind), colour: severityColours[now.Severity]},
			{text: known, colour: severityColours[detectors.Critical]},
			{text: beforeAndAfter(c, func(i *incident.Incident) string { return i.Severity.String() })},
			{text: beforeAndAfter(c, func(i *incident.Incident) string { return i.OpenedAt.UTC().Format("2006-01-02 15:04") })},
			{text: beforeAndAfter(c, func(i *incident.Incident) string { return strconv.FormatFloat(i.Risk, 'f', 1, 64) })},
			{text: principalName(now.Principal)},
			{text: now.Title},
		})
	}
	return t.write(w, terminalOf(w))
}

// beforeAndAfter is one thing of an incident, or two where they differ.
func beforeAndAfter(c *backtest.Change, of func(*incident.Incident) string) string {
	before, after := "none", "none"
	if c.Before != nil {
		before = of(c.Before)
	}
	if c.After != nil {
		after = of(c.After)
	}
	if before == after {
		return before
	}
	return before + " → " + after
}
