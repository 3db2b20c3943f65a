package main

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strings"
	"unicode/utf8"
)

// table is text in columns. On a terminal it is as wide as the terminal at
// most: first the columns that may do so move below their row, each on a line
// of its own; then the widest are cut, and what was cut ends in "…".
// Elsewhere every row is one line and nothing is cut. Notes stand below their
// row everywhere, whole, behind their title.
type table struct {
	columns []column
	rows    [][]cell
}

type column struct {
	title string
	right bool // flush right, as figures are
	fixed bool // never cut
	below bool // moves below its row where the table is too wide
	note  bool // below its row always, where there is any; wrapped where the table's width is limited
}

type cell struct{ text, colour string }

// add adds a row without colours.
func (t *table) add(texts ...string) {
	row := make([]cell, len(texts))
	for i, text := range texts {
		row[i].text = text
	}
	t.rows = append(t.rows, row)
}

const (
	gap       = "  " // between columns, and before what moved below its row
	narrowest = 8    // columns are not cut below this
)

// write prints the table with its titles.
func (t *table) write(w io.Writer, on terminal) error {
	widths := t.widths()
	fold := on.width > 0 && t.total(widths, false) > on.width
	if fold {
		t.squeeze(widths, on.width)
	}
	out := bufio.NewWriter(w) // keeps an error until Flush
	titles := make([]cell, len(t.columns))
	for i, c := range t.columns {
		titles[i] = cell{strings.ToUpper(c.title), bold}
	}
	t.line(out, on, widths, fold, titles)
	for _, row := range t.rows {
		t.line(out, on, widths, fold, row)
		for i, c := range row {
			if fold && t.columns[i].below {
				out.WriteString(gap + on.paint(c.colour, cut(c.text, on.width-len(gap))) + "\n")
			}
		}
		t.notes(out, on, row)
	}
	return out.Flush()
}

// notes prints the notes of a row.
func (t *table) notes(out *bufio.Writer, on terminal, row []cell) {
	indent := 0
	for _, c := range t.columns {
		if c.note {
			indent = max(indent, utf8.RuneCountInString(c.title)+2*len(gap))
		}
	}
	width := math.MaxInt
	if on.width > 0 {
		width = max(on.width-indent, narrowest)
	}
	for i, c := range row {
		if t.columns[i].note && c.text != "" {
			fmt.Fprintf(out, "%-*s%s\n", indent, gap+t.columns[i].title, wrap(c.text, width, strings.Repeat(" ", indent)))
		}
	}
}

// line prints one row; without its notes, and without the columns that are folded away below it.
func (t *table) line(out *bufio.Writer, on terminal, widths []int, fold bool, row []cell) {
	var line strings.Builder
	pending := "" // written before the next text only: lines do not end in spaces
	for i, c := range row {
		if t.columns[i].note || fold && t.columns[i].below {
			continue
		}
		text := cut(c.text, widths[i])
		pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
		if t.columns[i].right {
			pending, pad = pending+pad, ""
		}
		if text != "" {
			line.WriteString(pending + on.paint(c.colour, text))
			pending = ""
		}
		pending += pad + gap
	}
	out.WriteString(line.String() + "\n")
}

// widths are the columns' widths where there is no limit.
func (t *table) widths() []int {
	widths := make([]int, len(t.columns))
	for i, c := range t.columns {
		widths[i] = utf8.RuneCountInString(c.title)
		for _, row := range t.rows {
			widths[i] = max(widths[i], utf8.RuneCountInString(row[i].text))
		}
	}
	return widths
}

// total is how long a line is.
func (t *table) total(widths []int, fold bool) int {
	total := -len(gap)
	for i, c := range t.columns {
		if !c.note && (!fold || !c.below) {
			total += widths[i] + len(gap)
		}
	}
	return total
}

// squeeze makes the widest columns narrower until a folded line takes limit
// columns at most, as far as columns that are fixed or narrow allow.
func (t *table) squeeze(widths []int, limit int) {
	for total := t.total(widths, true); total > limit; total-- {
		widest := -1
		for i, c := range t.columns {
			if !c.fixed && !c.below && !c.note && widths[i] > narrowest && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		widths[widest]--
	}
}

// cut is text in at most width runes.
func cut(text string, width int) string {
	if utf8.RuneCountInString(text) <= width {
		return text
	}
	return string([]rune(text)[:max(width-1, 0)]) + "…"
}
