package chart

import "math"

// Axis is one of a plot's two.
type Axis struct {
	Title     string
	Low, High float64 // what the axis spans; values beyond are drawn at its end
	Log       bool    // by powers of ten; Low must be above 0
	Ticks     []Tick
}

// Tick is a mark on an axis.
type Tick struct {
	Value float64
	Label string
}

// at is where a value lies on the axis, from 0 to 1.
func (a *Axis) at(value float64) float64 {
	low, high := a.Low, a.High
	if a.Log {
		value, low, high = math.Log10(max(value, low)), math.Log10(low), math.Log10(high)
	}
	return min(max((value-low)/(high-low), 0), 1)
}

// Percent is an axis of shares.
func Percent(title string) Axis {
	return Axis{Title: title, High: 1, Ticks: []Tick{{0, "0 %"}, {.25, "25 %"}, {.5, "50 %"}, {.75, "75 %"}, {1, "100 %"}}}
}
