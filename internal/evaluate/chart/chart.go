// Package chart draws simple charts as SVG: a [Plot] of lines and points over
// two axes, and [Bars] with their intervals. A chart stands alone: it brings its
// own colours, for light and dark pages, and needs no font, script or style of
// anybody else.
package chart

import (
	"fmt"
	"html"
	"math"
	"strconv"
	"strings"
)

// Size of every chart, in the units of its own coordinates; a page scales it.
const (
	width  = 760
	height = 420
)

// Colour is a role, not a colour: what it looks like depends on the page.
type Colour int

// Colours. Own is what the chart is about; Muted is for what stands behind.
const (
	Own Colour = iota
	Second
	Third
	Fourth
	Muted
)

// style is the colours for light and dark pages. Its classes begin with kw-,
// since the style of an SVG inside a page reaches the whole page.
const style = `<style>
.kw-c text{font:13px system-ui,-apple-system,"Segoe UI",sans-serif;fill:#3d4654}
.kw-c .kw-t{font-size:15px;font-weight:600;fill:#1b2330}
.kw-c .kw-bg{fill:#fff}.kw-c .kw-grid{stroke:#e4e8ee}.kw-c .kw-axis{stroke:#9aa4b2}
.kw-c .kw-goal{fill:#1a7f4b;fill-opacity:.09}.kw-c .kw-rule{stroke:#1a7f4b;stroke-dasharray:5 4}
.kw-c .kw-f0{fill:#1f5fbf}.kw-c .kw-f1{fill:#c2571a}.kw-c .kw-f2{fill:#7a4fb5}.kw-c .kw-f3{fill:#1a7f4b}.kw-c .kw-f4{fill:#a7b0bd}
.kw-c .kw-s0{stroke:#1f5fbf}.kw-c .kw-s1{stroke:#c2571a}.kw-c .kw-s2{stroke:#7a4fb5}.kw-c .kw-s3{stroke:#1a7f4b}.kw-c .kw-s4{stroke:#b4bcc8}
@media (prefers-color-scheme:dark){
.kw-c text{fill:#b9c2cf}.kw-c .kw-t{fill:#e8edf4}.kw-c .kw-bg{fill:#161b22}.kw-c .kw-grid{stroke:#2a323d}.kw-c .kw-axis{stroke:#677386}
.kw-c .kw-goal{fill:#4ac08a}.kw-c .kw-rule{stroke:#4ac08a}
.kw-c .kw-f0{fill:#6ea8ff}.kw-c .kw-f1{fill:#f2955c}.kw-c .kw-f2{fill:#b794f0}.kw-c .kw-f3{fill:#4ac08a}.kw-c .kw-f4{fill:#67717f}
.kw-c .kw-s0{stroke:#6ea8ff}.kw-c .kw-s1{stroke:#f2955c}.kw-c .kw-s2{stroke:#b794f0}.kw-c .kw-s3{stroke:#4ac08a}.kw-c .kw-s4{stroke:#4b5563}}
</style>`

// canvas is an SVG that is being written.
type canvas struct{ strings.Builder }

// begin writes the head of a chart; description is for those who cannot see it.
func (c *canvas) begin(high float64, title, description string) {
	c.printf(`<svg xmlns="http://www.w3.org/2000/svg" class="kw-c" viewBox="0 0 %d %s" role="img" aria-label="%s">`,
		width, num(high), html.EscapeString(title+": "+description))
	c.WriteString(style)
	c.printf(`<rect class="kw-bg" width="%d" height="%s" rx="8"/>`, width, num(high))
	c.text(20, 28, "start", "kw-t", title)
}

func (c *canvas) end() string {
	c.WriteString("</svg>\n")
	return c.String()
}

// printf cannot fail: a strings.Builder takes all.
func (c *canvas) printf(format string, args ...any) { _, _ = fmt.Fprintf(c, format, args...) }

// text writes at a point; anchor is start, middle or end.
func (c *canvas) text(x, y float64, anchor, class, text string) {
	if class != "" {
		class = ` class="` + class + `"`
	}
	c.printf(`<text%s x="%s" y="%s" text-anchor="%s">%s</text>`, class, num(x), num(y), anchor, html.EscapeString(text))
}

func (c *canvas) line(x1, y1, x2, y2 float64, class string, thick float64) {
	c.printf(`<line class="%s" x1="%s" y1="%s" x2="%s" y2="%s" stroke-width="%s"/>`, class, num(x1), num(y1), num(x2), num(y2), num(thick))
}

// num is a coordinate, to a tenth.
func num(x float64) string {
	return strconv.FormatFloat(math.Round(x*10)/10, 'f', -1, 64)
}

func fill(c Colour) string   { return "kw-f" + strconv.Itoa(int(c)) }
func stroke(c Colour) string { return "kw-s" + strconv.Itoa(int(c)) }
