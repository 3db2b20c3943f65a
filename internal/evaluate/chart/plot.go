package chart

import (
	"strings"
)

// Point is a value, and its interval where it has one.
type Point struct {
	X, Y        float64
	XLow, XHigh float64 // both 0: none is known
	YLow, YHigh float64
	Label       string // to the right of it, or below; "" for none
	Below       bool
}

// Series is values of one kind.
type Series struct {
	Name   string // in the legend; "" for none
	Colour Colour
	Points []Point
	Line   bool // they are joined
	Step   bool // joined by steps: a value holds until the next
	Dots   bool // they are marked
	Thin   bool
}

// Plot is lines and points over two axes.
type Plot struct {
	Title       string
	Description string // of what is to be seen, for those who cannot see it
	X, Y        Axis
	Series      []Series

	Goal *[4]float64 // a region that is wished for: x from and to, y from and to
	Rule *[4]float64 // a line that is promised: from x, y to x, y
}

// Margins of the area that is drawn on.
const (
	left, right, top, bottom = 64.0, 24.0, 66.0, 52.0
)

// SVG is the chart.
func (p *Plot) SVG() string {
	var c canvas
	c.begin(height, p.Title, p.Description)
	p.grid(&c)
	if g := p.Goal; g != nil {
		x, y := p.x(g[0]), p.y(g[3])
		c.printf(`<rect class="kw-goal" x="%s" y="%s" width="%s" height="%s"/>`, num(x), num(y), num(p.x(g[1])-x), num(p.y(g[2])-y))
	}
	if r := p.Rule; r != nil {
		c.line(p.x(r[0]), p.y(r[1]), p.x(r[2]), p.y(r[3]), "kw-rule", 1.5)
	}
	at := left
	for i := range p.Series {
		s := &p.Series[i]
		p.draw(&c, s)
		if s.Name != "" {
			c.printf(`<rect class="%s" x="%s" y="44" width="10" height="10" rx="2"/>`, fill(s.Colour), num(at))
			c.text(at+16, 54, "start", "", s.Name)
			at += 34 + 7*float64(len([]rune(s.Name)))
		}
	}
	return c.end()
}

func (p *Plot) x(value float64) float64 { return left + p.X.at(value)*(width-left-right) }
func (p *Plot) y(value float64) float64 { return height - bottom - p.Y.at(value)*(height-top-bottom) }

func (p *Plot) grid(c *canvas) {
	for _, t := range p.X.Ticks {
		x := p.x(t.Value)
		c.line(x, top, x, height-bottom, "kw-grid", 1)
		c.text(x, height-bottom+18, "middle", "", t.Label)
	}
	for _, t := range p.Y.Ticks {
		y := p.y(t.Value)
		c.line(left, y, width-right, y, "kw-grid", 1)
		c.text(left-8, y+4, "end", "", t.Label)
	}
	c.line(left, height-bottom, width-right, height-bottom, "kw-axis", 1)
	c.text((left+width-right)/2, height-12, "middle", "", p.X.Title)
	c.printf(`<g transform="rotate(-90 16 %s)">`, num((top+height-bottom)/2))
	c.text(16, (top+height-bottom)/2+4, "middle", "", p.Y.Title)
	c.WriteString("</g>")
}

func (p *Plot) draw(c *canvas, s *Series) {
	if s.Line || s.Step {
		p.path(c, s)
	}
	for i := range s.Points {
		q := &s.Points[i]
		x, y := p.x(q.X), p.y(q.Y)
		if q.XLow != 0 || q.XHigh != 0 {
			c.line(p.x(q.XLow), y, p.x(q.XHigh), y, stroke(s.Colour), 1.5)
		}
		if q.YLow != 0 || q.YHigh != 0 {
			c.line(x, p.y(q.YLow), x, p.y(q.YHigh), stroke(s.Colour), 1.5)
		}
		if s.Dots {
			c.printf(`<circle class="%s" cx="%s" cy="%s" r="4.5"/>`, fill(s.Colour), num(x), num(y))
		}
		switch {
		case q.Label == "":
		case q.Below:
			c.text(x, y+19, "middle", "", q.Label)
		default:
			c.text(x+9, y+4, "start", "", q.Label)
		}
	}
}

func (p *Plot) path(c *canvas, s *Series) {
	var d strings.Builder
	for i, q := range s.Points {
		x, y := num(p.x(q.X)), num(p.y(q.Y))
		switch {
		case i == 0:
			d.WriteString("M" + x + " " + y)
		case s.Step:
			d.WriteString("H" + x + "V" + y)
		default:
			d.WriteString("L" + x + " " + y)
		}
	}
	thick := 2.5
	if s.Thin {
		thick = 1
	}
	c.printf(`<path class="%s" d="%s" fill="none" stroke-width="%s" stroke-linejoin="round"/>`, stroke(s.Colour), d.String(), num(thick))
}
