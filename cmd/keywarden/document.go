package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/keywarden/keywarden/internal/evaluate/writeup"
)

// printDocument prints a report as text.
func printDocument(w io.Writer, d *writeup.Document) error {
	on := terminalOf(w)
	width := 100
	if on.width > 0 {
		width = min(width, on.width)
	}
	var failed error
	print := func(format string, args ...any) {
		if failed == nil {
			_, failed = fmt.Fprintf(w, format, args...)
		}
	}
	print("%s\n", on.paint(bold, d.Title))
	for _, text := range d.Lead {
		print("\n%s\n", wrap(unmarked(text), width, ""))
	}
	for i := range d.Sections {
		s := &d.Sections[i]
		print("\n%s\n", on.paint(bold, s.Title))
		for _, text := range s.Text {
			print("%s\n", wrap(unmarked(text), width, ""))
		}
		for _, item := range s.List {
			print("  - %s\n", wrap(unmarked(item), width-4, "    "))
		}
		if s.Table == nil || failed != nil {
			continue
		}
		var t table
		for _, c := range s.Table.Columns {
			t.columns = append(t.columns, column{title: c.Title, right: c.Right, fixed: c.Right || c.Code, below: !c.Right && !c.Code && len(s.Table.Columns) > 4})
		}
		for _, row := range s.Table.Rows {
			t.add(row...)
		}
		failed = t.write(w, on)
	}
	return failed
}

// unmarked is text without the marks of Markdown.
func unmarked(text string) string { return strings.ReplaceAll(text, "`", "") }
