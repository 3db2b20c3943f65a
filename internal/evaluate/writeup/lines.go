package writeup

import (
	"bufio"
	"encoding/json"
	"io"
	"math"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/evaluate"
)

// Interval is an estimate with its 95 % interval; High is nil where it is unbounded.
type Interval struct {
	Estimate float64  `json:"estimate"`
	Low      float64  `json:"low"`
	High     *float64 `json:"high"`
}

func intervalOf(i evaluate.Interval) Interval {
	out := Interval{Estimate: i.Estimate, Low: i.Low}
	if !math.IsInf(i.High, 0) {
		out.High = &i.High
	}
	return out
}

// Line is what every JSON line has: what it is about, and on which background.
type Line struct {
	Kind       string `json:"kind"`       // "keywarden", "rule", "campaign", "strength", "archetype", "detector", "risk", "promise", "churn", "missed" or "false"
	Background string `json:"background"` // "simulated", "production" or, of a promise, "benign"
	Name       string `json:"name,omitempty"`
}

// Standing is how somebody did.
type Standing struct {
	Line
	Campaigns      int       `json:"campaigns"`
	Found          int       `json:"found"`
	Recall         Interval  `json:"recall"`
	Prompt         int       `json:"prompt"`         // within 5 minutes or 10 calls
	MedianSeconds  *float64  `json:"medianSeconds"`  // nil where half was not found
	MedianCalls    *int      `json:"medianCalls"`    // nil where half was not found
	False          *int      `json:"false"`          // nil where a part of the campaigns is meant
	Months         *float64  `json:"months"`         // principal-months, nil as well
	FalsePerMonth  *Interval `json:"falsePerMonth"`  // nil as well
	TrueOfIncident *Interval `json:"precision"`      // nil as well
	Text           string    `json:"text,omitempty"` // of a rule
}

func standing(line Line, s *evaluate.Score, whole bool) Standing {
	out := Standing{Line: line, Campaigns: len(s.Outcomes), Found: s.Found(), Recall: intervalOf(s.Recall()), Prompt: s.Prompt(evaluate.PromptTime, evaluate.PromptCalls)}
	if delay, calls, ok := s.Median(); ok {
		seconds := float64(delay) / float64(detectors.Second)
		out.MedianSeconds, out.MedianCalls = &seconds, &calls
	}
	if whole {
		wrong, rate, precision := len(s.False), intervalOf(s.FalseRate()), intervalOf(s.Precision())
		out.False, out.Months, out.FalsePerMonth, out.TrueOfIncident = &wrong, &s.Months, &rate, &precision
	}
	return out
}

// WriteLines writes the figures as JSON, one object a line.
func WriteLines(w io.Writer, in Input) error {
	out := bufio.NewWriter(w)
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	var failed error
	line := func(v any) {
		if failed == nil {
			failed = encoder.Encode(v)
		}
	}
	evaluation(line, in.Simulated, "simulated")
	if in.Production != nil {
		evaluation(line, in.Production, "production")
	}
	if in.Promise != nil {
		promised(line, in.Promise)
	}
	if failed != nil {
		return failed
	}
	return out.Flush()
}

func evaluation(line func(any), e *evaluate.Evaluation, background string) {
	line(standing(Line{"keywarden", background, ""}, &e.Own, true))
	for i := range e.Rules {
		r := standing(Line{"rule", background, e.Rules[i].Name}, &e.Rules[i].Score, true)
		r.Text = e.Rules[i].Text
		line(r)
	}
	for _, g := range kindsOf(e) {
		line(standing(Line{"campaign", background, g.name}, &g.Score, false))
	}
	for _, g := range grouped(&e.Own, strengthOf) {
		line(standing(Line{"strength", background, g.name}, &g.Score, false))
	}
	for _, g := range grouped(&e.Own, func(o *evaluate.Outcome) string { return o.Victim }) {
		line(standing(Line{"archetype", background, g.name}, &g.Score, false))
	}
	for i := range e.Ablation {
		a := &e.Ablation[i]
		line(struct {
			Line
			Lost   int `json:"lost"`
			Later  int `json:"later"`
			Prompt int `json:"noLongerPrompt"`
			False  int `json:"falseThatItCosts"`
		}{Line{"detector", background, a.Detector}, len(a.Lost), len(a.Later), a.Prompt, a.False})
	}
	for _, p := range e.Line {
		line(struct {
			Line
			Risk      float64 `json:"risk"`
			Found     int     `json:"found"`
			Campaigns int     `json:"campaigns"`
			Alarms    int     `json:"incidents"`
			False     int     `json:"false"`
			Months    float64 `json:"months"`
		}{Line{"risk", background, ""}, p.Risk, p.Found, p.Campaigns, p.Alarms, p.False, p.Months})
	}
	for _, o := range e.Own.Outcomes {
		if !o.Found {
			line(struct {
				Line
				Seed     uint64 `json:"seed"`
				Campaign any    `json:"campaign"`
				Victim   string `json:"victim"`
			}{Line{"missed", background, o.Campaign.Kind}, e.Suite.Seed + uint64(o.Trial), o.Campaign, o.Victim})
		}
	}
	for _, a := range e.Own.False {
		line(struct {
			Line
			Principal detectors.Principal `json:"principal"`
			At        detectors.Time      `json:"openedAt"`
			Risk      float64             `json:"risk"`
			Title     string              `json:"title"`
		}{Line{"false", background, a.Archetype}, a.Principal, a.At, a.Risk, a.Title})
	}
}

func promised(line func(any), p *evaluate.Promise) {
	for i := range p.Realised {
		r := &p.Realised[i]
		line(struct {
			Line
			PrincipalDays int   `json:"principalDays"`
			Days          []int `json:"daysWithBits"` // with as many bits as the index, or more
			Broken        int   `json:"brokenFrom"`   // bits; 0 where it keeps its promise
		}{Line{"promise", "benign", r.Detector}, p.Days, r.Days, p.Broken(r)})
	}
	for _, c := range p.Incidents {
		line(struct {
			Line
			Churn         float64  `json:"churn"`
			False         int      `json:"false"`
			Months        float64  `json:"months"`
			FalsePerMonth Interval `json:"falsePerMonth"`
		}{Line{"churn", "benign", ""}, c.Churn, c.False, c.Months, intervalOf(evaluate.PoissonInterval(c.False, c.Months))})
	}
}
