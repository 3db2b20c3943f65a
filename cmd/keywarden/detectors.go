package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/all"
)

// detectorsCommand prints the catalogue, or one detector's whole text.
type detectorsCommand struct {
	ID   string `arg:"" optional:"" help:"A detector, to read all that is known of it."`
	JSON bool   `name:"json" help:"Print JSON, for programs."`
}

// Help is printed under --help.
func (*detectorsCommand) Help() string {
	return `What is looked for in the logs. With a detector's ID: how it recognises what it looks for, what else looks the same, and what an analyst checks first.

Examples:

  keywarden detectors                the catalogue
  keywarden detectors image-burst    one detector
  keywarden detectors --json | jq -r '.[].techniques[].id' | sort -u`
}

// Run prints to standard output.
func (c *detectorsCommand) Run(std *streams) error {
	catalogue := all.Detectors()
	if c.ID == "" {
		if c.JSON {
			entries := make([]catalogueEntry, len(catalogue))
			for i, d := range catalogue {
				entries[i] = catalogueEntry(d.Description)
			}
			return printJSON(std.out, entries)
		}
		return printCatalogue(std.out, catalogue)
	}
	for _, d := range catalogue {
		switch {
		case d.ID != c.ID:
		case c.JSON:
			return printJSON(std.out, catalogueEntry(d.Description))
		default:
			return printDetector(std.out, d.Description)
		}
	}
	return usageError{fmt.Errorf("no detector is called %q: keywarden detectors lists them", c.ID)}
}

// catalogueEntry is a Description as JSON.
type catalogueEntry struct {
	ID         string                `json:"id"`
	Title      string                `json:"title"`
	Text       string                `json:"text"`
	Severity   detectors.Severity    `json:"severity"`
	Family     detectors.Family      `json:"family"`
	Scope      detectors.Scope       `json:"scope"`
	Techniques []detectors.Technique `json:"techniques"`
	Benign     []string              `json:"benign"`
	Triage     []string              `json:"triage"`
	Version    int                   `json:"version"`
	Sights     bool                  `json:"sights"`
	Ageless    bool                  `json:"ageless"`
}

func printJSON(w io.Writer, v any) error {
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(v)
}

func printCatalogue(w io.Writer, catalogue []*detectors.Detector) error {
	t := table{columns: []column{
		{title: "id", fixed: true}, {title: "title"}, {title: "family", fixed: true}, {title: "severity", fixed: true}, {title: "techniques"},
	}}
	for _, d := range catalogue {
		t.rows = append(t.rows, []cell{
			{text: d.ID}, {text: d.Title}, {text: d.Family.String()},
			{text: d.Severity.String(), colour: severityColours[d.Severity]}, {text: techniqueIDs(d.Techniques)},
		})
	}
	return t.write(w, terminalOf(w))
}

// techniqueIDs are the ids of techniques in one line.
func techniqueIDs(techniques []detectors.Technique) string {
	ids := make([]string, len(techniques))
	for i, technique := range techniques {
		ids[i] = technique.ID
	}
	return strings.Join(ids, ", ")
}

func printDetector(w io.Writer, d detectors.Description) error {
	on := terminalOf(w)
	width := 80
	if on.width > 0 {
		width = min(width, on.width)
	}
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "%s: %s\n\n", on.paint(bold, d.ID), d.Title)
	fmt.Fprintf(out, "%s\n\n", wrap(d.Text, width, ""))
	fmt.Fprintf(out, "severity    %s at most by itself\n", on.paint(severityColours[d.Severity], d.Severity.String()))
	fmt.Fprintf(out, "family      %s\n", d.Family)
	fmt.Fprintf(out, "kept for    each %s\n", d.Scope)
	for i, technique := range d.Techniques {
		label := "techniques"
		if i > 0 {
			label = ""
		}
		fmt.Fprintf(out, "%-10s  %s (%s)\n", label, technique.ID, technique.Framework)
	}
	fmt.Fprintf(out, "\n%s\n", on.paint(bold, "Ordinary causes"))
	for _, cause := range d.Benign {
		fmt.Fprintf(out, "  - %s\n", wrap(cause, width-4, "    "))
	}
	fmt.Fprintf(out, "\n%s\n", on.paint(bold, "What to check, in this order"))
	for i, step := range d.Triage {
		fmt.Fprintf(out, " %2d. %s\n", i+1, wrap(step, width-5, "     "))
	}
	return out.Flush()
}

// wrap is text in lines of at most width runes, where words allow; the second and later lines are indented.
func wrap(text string, width int, indent string) string {
	var out strings.Builder
	used := 0
	for i, word := range strings.Fields(text) {
		length := len([]rune(word))
		switch {
		case i == 0:
		case used+1+length > width:
			out.WriteString("\n" + indent)
			used = 0
		default:
			out.WriteString(" ")
			used++
		}
		out.WriteString(word)
		used += length
	}
	return out.String()
}
