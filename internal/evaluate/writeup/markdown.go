package writeup

import (
	"fmt"
	"strings"
)

// Folder is where Markdown looks for its charts, beside the page.
const Folder = "evaluation"

// Markdown is the document as a page whose charts are files in Folder.
func (d *Document) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n<!-- Written by make evaluate. Do not edit. -->\n", d.Title)
	for _, text := range d.Lead {
		fmt.Fprintf(&b, "\n%s\n", text)
	}
	for i := range d.Sections {
		s := &d.Sections[i]
		fmt.Fprintf(&b, "\n## %s\n", s.Title)
		for _, text := range s.Text {
			fmt.Fprintf(&b, "\n%s\n", text)
		}
		if len(s.List) > 0 {
			b.WriteString("\n")
		}
		for _, item := range s.List {
			fmt.Fprintf(&b, "- %s\n", item)
		}
		if s.Table != nil {
			b.WriteString("\n" + s.Table.markdown())
		}
		for _, c := range s.Charts {
			fmt.Fprintf(&b, "\n![%s](%s/%s.svg)\n", c.Alt, Folder, c.Name)
		}
	}
	return b.String()
}

func (t *Table) markdown() string {
	var b strings.Builder
	rule := "|"
	b.WriteString("|")
	for _, c := range t.Columns {
		fmt.Fprintf(&b, " %s |", c.Title)
		if c.Right {
			rule += "--:|"
		} else {
			rule += "---|"
		}
	}
	fmt.Fprintf(&b, "\n%s\n", rule)
	for _, row := range t.Rows {
		b.WriteString("|")
		for i, text := range row {
			text = strings.ReplaceAll(text, "|", `\|`)
			if t.Columns[i].Code && text != "" {
				text = "`" + text + "`"
			}
			fmt.Fprintf(&b, " %s |", text)
		}
		b.WriteString("\n")
	}
	return b.String()
}
