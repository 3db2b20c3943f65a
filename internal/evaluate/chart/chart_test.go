package chart

import (
	"encoding/xml"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
)

// wellFormed reads text as XML and fails the test where it is none.
func wellFormed(t *testing.T, text string) (elements map[string]int) {
	t.Helper()
	elements = map[string]int{}
	for in := xml.NewDecoder(strings.NewReader(text)); ; {
		token, err := in.Token()
		if errors.Is(err, io.EOF) {
			return elements
		}
		if err != nil {
			t.Fatalf("%v in %s", err, text)
		}
		if start, ok := token.(xml.StartElement); ok {
			elements[start.Name.Local]++
		}
	}
}

func TestPlot(t *testing.T) {
	p := Plot{
		Title: `A & "B" <c>`, Description: "d", X: Axis{Title: "x", Low: .001, High: 10, Log: true, Ticks: []Tick{{.1, "0.1"}}}, Y: Percent("y"),
		Series: []Series{
			{Name: "line", Line: true, Points: []Point{{X: .01, Y: .5}, {X: 1, Y: 1}}},
			{Name: "dots", Colour: Second, Dots: true, Points: []Point{{X: .1, Y: .5, YLow: .25, YHigh: .75, XLow: .01, XHigh: 1, Label: "<here>"}, {X: 1e9, Y: -3, Label: "beyond", Below: true}}},
			{Step: true, Points: []Point{{X: .001}, {X: 1, Y: .5}}},
		},
		Goal: &[4]float64{.001, .1, .95, 1}, Rule: &[4]float64{.001, 0, 10, 1},
	}
	svg := p.SVG()
	got := wellFormed(t, svg)
	if got["circle"] != 2 || got["path"] != 2 || got["svg"] != 1 {
		t.Errorf("%v", got)
	}
	for _, want := range []string{
		"A &amp; ", "&lt;here&gt;", `cx="400" cy="217"`, // the middle of both axes
		`cx="736" cy="368"`, // what is beyond an axis stands at its end
		"M64 368H568V217",   // a step holds a value until the next
	} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %s in %s", want, svg)
		}
	}
	if strings.Contains(svg, "http") && strings.Count(svg, "http") != strings.Count(svg, "http://www.w3.org/2000/svg") {
		t.Error("it refers to something outside")
	}
}

func TestAxis(t *testing.T) {
	line, log := Axis{Low: 2, High: 4}, Axis{Low: .01, High: 100, Log: true}
	for _, test := range []struct {
		axis        Axis
		value, want float64
	}{
		{line, 3, .5}, {line, 1, 0}, {line, 9, 1}, {log, 1, .5}, {log, .1, .25}, {log, 0, 0}, {log, math.Inf(1), 1},
	} {
		if got := test.axis.at(test.value); math.Abs(got-test.want) > 1e-12 {
			t.Errorf("%v is at %v of %+v, want %v", test.value, got, test.axis, test.want)
		}
	}
}

func TestBars(t *testing.T) {
	b := Bars{Title: "t", Bars: []Bar{{Name: "a<b", Value: .5, Low: .25, High: .75, Text: "1/2"}, {Name: "c", High: 1}}, Goal: .95}
	svg := b.SVG()
	if got := wellFormed(t, svg); got["rect"] != 3 {
		t.Errorf("%d rectangles, want a background and two bars", got["rect"])
	}
	for _, want := range []string{"a&lt;b", `width="241"`, "1/2"} {
		if !strings.Contains(svg, want) {
			t.Errorf("no %s in %s", want, svg)
		}
	}
}
