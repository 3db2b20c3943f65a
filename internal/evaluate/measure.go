// Package evaluate measures what the detectors promise, on simulated life.
//
// [Measure] drives benign principals through the engine and keeps, for each
// principal-day, the highest statistic of every test and the most bits of
// every detector. From the first [Days.Levels] makes the embedded scale
// (`make calibrate`); the second is what the scale's promise is held against,
// on seeds that it was not made of.
package evaluate

import (
	"maps"
	"math"
	"slices"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/simulate"
)

// Days are principal-days: days with at least one event of a principal, from
// the second day of its life on.
type Days struct {
	count [detectors.Stages]int
	tests map[string]*[detectors.Stages][]float64 // highest statistic of each day on which it was above 0
	bits  map[string][]float64                    // most bits of each day with a finding, by detector
}

func newDays() *Days {
	return &Days{tests: map[string]*[detectors.Stages][]float64{}, bits: map[string][]float64{}}
}

// Measure simulates benign life as the options say (their campaigns are left
// out) and judges it by the given detectors.
func Measure(c engine.Config, scale *detectors.Scale, options simulate.Options) (*Days, error) {
	m := meter{
		days:  newDays(),
		today: map[principalDay]*day{},
	}
	watched := *scale
	watched.Watch = m.watch
	c.Scale = func(detectors.Principal) *detectors.Scale { return &watched }
	c.Store = engine.NewMemory()
	judges := c.Detectors
	c.Detectors = []*detectors.Detector{
		detectors.New(detectors.Description{ID: "meter"}, m.begin),
		detectors.New(detectors.Description{ID: "meter-resource", Scope: detectors.PerResource}, m.begin),
	}
	for _, d := range judges {
		c.Detectors = append(c.Detectors, m.listen(d))
	}
	e, err := engine.New(c)
	if err != nil {
		return nil, err
	}
	fold := e.NewFold()
	options.Campaigns = nil
	_, err = simulate.Generate(options, func(d simulate.Delivery) error {
		fold.Take(&d.Fragment, d.At)
		m.forget(d.At)
		return nil
	})
	m.forget(math.MaxInt64)
	return m.days, err
}

// Add takes in the days of another measurement.
func (d *Days) Add(o *Days) {
	if d.tests == nil {
		*d = *newDays()
	}
	for s := range d.count {
		d.count[s] += o.count[s]
	}
	for test, stages := range o.tests {
		for s := range stages {
			d.test(test)[s] = append(d.test(test)[s], stages[s]...)
		}
	}
	for id, bits := range o.bits {
		d.bits[id] = append(d.bits[id], bits...)
	}
}

// Count is how many principal-days there are.
func (d *Days) Count() int {
	sum := 0
	for _, n := range d.count {
		sum += n
	}
	return sum
}

// With is on how many principal-days a detector had a finding of so many bits or more.
func (d *Days) With(detector string, bits float64) int {
	n := 0
	for _, b := range d.bits[detector] {
		if b >= bits {
			n++
		}
	}
	return n
}

func (d *Days) test(name string) *[detectors.Stages][]float64 {
	if d.tests[name] == nil {
		d.tests[name] = new([detectors.Stages][]float64)
	}
	return d.tests[name]
}

// meter collects the days of a run.
type meter struct {
	days    *Days
	today   map[principalDay]*day
	current *day
	cleared detectors.Time
}

type principalDay struct {
	detectors.Principal
	day detectors.Time
}

// day is what was seen of a principal on one day.
type day struct {
	tests map[stagedTest]float64
	bits  map[string]float64
	age   detectors.Time // of the profile, when the day began
}

type stagedTest struct {
	name  string
	stage int
}

// begin is the first of the detectors: it says whose day the statistics that follow are of.
func (m *meter) begin(before *detectors.Profile, e detectors.Event, _ *struct{}) (detectors.Finding, bool) {
	key := principalDay{before.Principal, e.When() / detectors.Day}
	m.current = m.today[key]
	if m.current == nil {
		m.current = &day{tests: map[stagedTest]float64{}, bits: map[string]float64{}, age: before.Age(e.When())}
		m.today[key] = m.current
	}
	return detectors.Finding{}, false
}

func (m *meter) watch(test string, age detectors.Time, statistic float64) {
	m.days.test(test) // also where no benign day ever has a statistic
	if key := (stagedTest{test, detectors.Stage(age)}); statistic > m.current.tests[key] {
		m.current.tests[key] = statistic
	}
}

// listen is d with its findings overheard.
func (m *meter) listen(d *detectors.Detector) *detectors.Detector {
	return d.Wrap(func(_ *detectors.Profile, _ detectors.Event, f detectors.Finding, found bool) (detectors.Finding, bool) {
		if found {
			m.current.bits[d.ID] = max(m.current.bits[d.ID], f.Bits)
		}
		return f, found
	})
}

// lateness is how long after its end a day may still get calls.
const lateness = 2 * detectors.Hour

// forget closes the days that no delivery after at can reach.
func (m *meter) forget(at detectors.Time) {
	if at-m.cleared < detectors.Day {
		return
	}
	m.cleared = at
	for key, d := range m.today {
		if at-(key.day+1)*detectors.Day < lateness {
			continue
		}
		if d.age > 0 {
			m.days.count[detectors.Stage(d.age)]++
		}
		for test, statistic := range d.tests {
			stage := &m.days.test(test.name)[test.stage]
			*stage = append(*stage, statistic)
		}
		for id, bits := range d.bits {
			m.days.bits[id] = append(m.days.bits[id], bits)
		}
		delete(m.today, key)
	}
}

// beyond is how many days must have a higher statistic than the last level for it to be one.
const beyond = 8

// Levels are the scale's: of each test and stage, the value that is exceeded
// on at most one day in 2, 4, 8 …, as far as the data reach. Where a detector
// has several tests, they share its promise equally: each is held to as many
// times fewer days.
func (d *Days) Levels() map[string]*[detectors.Stages][]float64 {
	siblings := map[string]int{}
	for test := range d.tests {
		siblings[detectorOf(test)]++
	}
	levels := map[string]*[detectors.Stages][]float64{}
	for test, stages := range d.tests {
		levels[test] = new([detectors.Stages][]float64)
		for s, statistics := range stages {
			levels[test][s] = quantiles(statistics, d.count[s], float64(siblings[detectorOf(test)]))
		}
	}
	return levels
}

// quantiles is, for each b from 1 on, the least statistic that at most n/share/2^b days exceed.
func quantiles(statistics []float64, n int, share float64) []float64 {
	sorted := slices.Sorted(slices.Values(statistics))
	slices.Reverse(sorted)
	var levels []float64
	for b := 1; ; b++ {
		allowed := int(float64(n) / share / math.Exp2(float64(b)))
		if allowed < beyond {
			return levels
		}
		level := 0.0
		if allowed < len(sorted) {
			level = sorted[allowed]
		}
		levels = append(levels, level)
	}
}

// Tests are the names of the tests that were watched, in order.
func (d *Days) Tests() []string { return slices.Sorted(maps.Keys(d.tests)) }
