package chart

// Bar is one value with its interval.
type Bar struct {
	Name             string
	Value, Low, High float64 // shares, from 0 to 1
	Text             string  // at the end of its line, for instance the counts
}

// Bars is values one below the other.
type Bars struct {
	Title       string
	Description string
	Bars        []Bar
	Goal        float64 // a line that is wished for; 0 for none
}

// Sizes of bars.
const (
	barsFrom, barsTo = 178.0, 660.0
	barHeight        = 22.0
)

// SVG is the chart.
func (b *Bars) SVG() string {
	var c canvas
	end := 52 + barHeight*float64(len(b.Bars))
	c.begin(end+34, b.Title, b.Description)
	at := func(share float64) float64 { return barsFrom + share*(barsTo-barsFrom) }
	for _, t := range Percent("").Ticks {
		c.line(at(t.Value), 44, at(t.Value), end, "kw-grid", 1)
		c.text(at(t.Value), end+18, "middle", "", t.Label)
	}
	for i, bar := range b.Bars {
		y := 48 + barHeight*float64(i)
		c.text(barsFrom-10, y+14, "end", "", bar.Name)
		c.printf(`<rect class="%s" fill-opacity=".55" x="%s" y="%s" width="%s" height="%s" rx="2"/>`,
			fill(Own), num(barsFrom), num(y+3), num(at(bar.Value)-barsFrom), num(barHeight-8))
		c.line(at(bar.Low), y+10, at(bar.High), y+10, stroke(Own), 2)
		c.text(barsTo+14, y+14, "start", "", bar.Text)
	}
	if b.Goal > 0 {
		c.line(at(b.Goal), 44, at(b.Goal), end, "kw-rule", 1.5)
	}
	return c.end()
}
