package writeup

import (
	"fmt"
	"math"
	"strconv"

	"github.com/dustin/go-humanize"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/evaluate"
)

func thousands(n int) string { return humanize.Comma(int64(n)) }

// things is a number of them, with the words for one and for any other number.
func things(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return thousands(n) + " " + many
}

// number is a count at the beginning of a sentence.
func number(n int) string {
	words := []string{"none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
	if n < len(words) {
		return words[n]
	}
	return thousands(n)
}

// percent is a share in percent, to a tenth; small ones to a hundredth.
func percent(share float64) string {
	if share > 0 && share < .01 {
		return strconv.FormatFloat(100*share, 'f', 2, 64)
	}
	return strconv.FormatFloat(math.Round(1000*share)/10, 'f', 1, 64)
}

// share is a count of many with its interval: "188/200, 94.0 % (89.8–96.5)".
func share(k, n int) string {
	if n == 0 {
		return "none"
	}
	i := evaluate.WilsonInterval(k, n)
	return fmt.Sprintf("%d/%d, %s %% (%s–%s)", k, n, percent(i.Estimate), percent(i.Low), percent(i.High))
}

// counts is a count of many without its interval, where a table has no room for it.
func counts(s *evaluate.Score) string {
	if len(s.Outcomes) == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Found(), len(s.Outcomes))
}

func recall(s *evaluate.Score) string { return share(s.Found(), len(s.Outcomes)) }

func prompt(s *evaluate.Score) string {
	return share(s.Prompt(evaluate.PromptTime, evaluate.PromptCalls), len(s.Outcomes))
}

// rate is a count over an exposure with its interval: "15 in 314, 0.048 (0.027–0.079)".
func rate(k int, months float64) string {
	i := evaluate.PoissonInterval(k, months)
	return fmt.Sprintf("%d in %.0f, %s (%s–%s)", k, months, small(i.Estimate), small(i.Low), small(i.High))
}

func falseRate(s *evaluate.Score) string { return rate(len(s.False), s.Months) }

// small is a rate with as many digits as tell something.
func small(x float64) string {
	switch {
	case math.IsInf(x, 0):
		return "∞"
	case x == 0:
		return "0"
	case x < 1:
		return strconv.FormatFloat(x, 'f', 3, 64)
	}
	return strconv.FormatFloat(x, 'f', 1, 64)
}

// median is the delay within which half of all campaigns were called.
func median(s *evaluate.Score) string {
	delay, calls, ok := s.Median()
	if !ok {
		return "half not found"
	}
	return duration(delay) + ", " + things(calls, "call", "calls")
}

// duration is a delay as people say it.
func duration(t detectors.Time) string {
	switch {
	case t < detectors.Minute:
		return fmt.Sprintf("%d s", t/detectors.Second)
	case t < 2*detectors.Hour:
		return fmt.Sprintf("%.1f min", float64(t)/float64(detectors.Minute))
	}
	return fmt.Sprintf("%.1f h", float64(t)/float64(detectors.Hour))
}
