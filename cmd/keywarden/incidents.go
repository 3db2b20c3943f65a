package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/incident"
)

// printIncidents prints incidents in a format: "table" for people, or "jsonl",
// one JSON object a line, for programs. The table says of those that are to be
// looked at, from medium on, how sure they are of whom, why, and what would make them harmless.
func printIncidents(w io.Writer, format string, incidents []*incident.Incident) error {
	if format == "jsonl" {
		return printLines(w, incidents)
	}
	if len(incidents) == 0 {
		_, err := fmt.Fprintln(w, "No incidents.")
		return err
	}
	t := table{columns: []column{
		{title: "severity", fixed: true},
		{title: "opened (UTC)", fixed: true},
		{title: "principal"},
		{title: "risk", right: true, fixed: true},
		{title: "loss", right: true, fixed: true},
		{title: "title", below: true},
		{title: "findings (bits)", below: true},
		{title: "who", note: true},
		{title: "why now", note: true},
		{title: "harmless", note: true},
	}}
	for _, i := range incidents {
		who, why, harmless := i.Certainty, i.Why, i.Harmless
		if i.Severity < detectors.Medium {
			who, why, harmless = "", "", ""
		}
		t.rows = append(t.rows, []cell{
			{text: severity(i), colour: severityColours[i.Severity]},
			{text: i.OpenedAt.UTC().Format("2006-01-02 15:04")},
			{text: principalName(i.Principal)},
			{text: strconv.FormatFloat(i.Risk, 'f', 1, 64)},
			{text: loss(i.LossUSD)},
			{text: i.Title},
			{text: findings(i.Findings)},
			{text: who},
			{text: why},
			{text: harmless},
		})
	}
	return t.write(w, terminalOf(w))
}

func printLines(w io.Writer, incidents []*incident.Incident) error {
	out := bufio.NewWriter(w)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	for _, i := range incidents {
		if err := encoder.Encode(i); err != nil {
			return err
		}
	}
	return out.Flush()
}

// severity is an incident's, and its status where somebody saw to it.
func severity(i *incident.Incident) string {
	if i.Status == incident.StatusNew {
		return i.Severity.String()
	}
	return i.Severity.String() + ", " + i.Status
}

// principalName is a principal in a few characters. Resources go by their
// names: the whole ids are in the JSON.
func principalName(p detectors.Principal) string {
	resource := path.Base(p.Resource)
	switch p.Kind {
	case detectors.AccountKey, detectors.ResourcePrincipal:
		return p.Kind.String() + " " + resource
	case detectors.Operator:
		return p.Kind.String() + " " + p.ID
	default:
		return p.Kind.String() + " " + p.ID + " on " + resource
	}
}

func loss(usd *float64) string {
	if usd == nil {
		return "unknown"
	}
	return "$" + humanize.FormatFloat("#,###.##", *usd)
}

// findings are the detectors of an incident, the strongest first.
func findings(list []incident.Finding) string {
	texts := make([]string, len(list))
	for i, f := range list {
		texts[i] = fmt.Sprintf("%s %.0f", f.Detector, f.Bits)
	}
	return strings.Join(texts, ", ")
}
