package simulate

import (
	"slices"
	"time"

	"github.com/keywarden/keywarden/detectors"
)

// zone is the civil time of a country, or of the part of it where most offices are.
type zone struct {
	offset   detectors.Time // of winter time (of standard time) from UTC
	daylight func(year int) (from, to time.Time)
	south    bool // daylight saving spans New Year: from is in autumn of the calendar, to in spring
}

var zones = map[string]zone{
	"US": {offset: -5 * detectors.Hour, daylight: american},
	"CA": {offset: -5 * detectors.Hour, daylight: american},
	"BR": {offset: -3 * detectors.Hour},
	"GB": {daylight: european},
	"DE": {offset: detectors.Hour, daylight: european},
	"FR": {offset: detectors.Hour, daylight: european},
	"NL": {offset: detectors.Hour, daylight: european},
	"SE": {offset: detectors.Hour, daylight: european},
	"ES": {offset: detectors.Hour, daylight: european},
	"IN": {offset: 5*detectors.Hour + 30*detectors.Minute},
	"JP": {offset: 9 * detectors.Hour},
	"AU": {offset: 10 * detectors.Hour, daylight: australian, south: true},
}

func european(year int) (from, to time.Time) {
	return sunday(year, time.March, -1).Add(time.Hour), sunday(year, time.October, -1).Add(time.Hour)
}

func american(year int) (from, to time.Time) {
	return sunday(year, time.March, 2).Add(7 * time.Hour), sunday(year, time.November, 1).Add(6 * time.Hour)
}

func australian(year int) (from, to time.Time) {
	return sunday(year, time.October, 1).Add(-8 * time.Hour), sunday(year, time.April, 1).Add(-8 * time.Hour)
}

// sunday is midnight, in UTC, of the n-th Sunday of a month; n = -1 is the last.
func sunday(year int, month time.Month, n int) time.Time {
	first := time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
	if n < 0 {
		last := first.AddDate(0, 1, -1)
		return last.AddDate(0, 0, -int(last.Weekday()))
	}
	return first.AddDate(0, 0, (7-int(first.Weekday()))%7+7*(n-1))
}

// saving reports whether daylight saving is on at t.
func (z zone) saving(t detectors.Time) bool {
	if z.daylight == nil {
		return false
	}
	at := t.UTC()
	from, to := z.daylight(at.Year())
	if z.south {
		return !at.Before(from) || at.Before(to)
	}
	return !at.Before(from) && at.Before(to)
}

// local is what clocks and calendars of the zone show at t, as if it were UTC.
func (z zone) local(t detectors.Time) time.Time {
	t += z.offset
	if z.saving(t - z.offset) {
		t += detectors.Hour
	}
	return t.UTC()
}

// holidays are days on which offices are closed: "01-02" every year, "2006-01-02" once. Local ones are left out.
var holidays = map[string][]string{
	"US": {"01-01", "06-19", "07-04", "11-11", "12-25", "2026-05-25", "2026-09-07", "2026-10-12", "2026-11-26"},
	"CA": {"01-01", "07-01", "09-30", "12-25", "12-26", "2026-09-07", "2026-10-12"},
	"BR": {"01-01", "04-21", "05-01", "09-07", "10-12", "11-02", "11-20", "12-25"},
	"GB": {"01-01", "12-25", "12-28", "2026-04-03", "2026-04-06", "2026-05-04", "2026-05-25", "2026-08-31"},
	"DE": {"01-01", "05-01", "10-03", "12-25", "12-26", "2026-04-03", "2026-04-06", "2026-05-14", "2026-05-25"},
	"FR": {"01-01", "05-01", "05-08", "07-14", "08-15", "11-01", "11-11", "12-25", "2026-04-06"},
	"NL": {"01-01", "04-27", "12-25", "12-26", "2026-04-06", "2026-05-14"},
	"SE": {"01-01", "01-06", "05-01", "06-06", "12-24", "12-25", "2026-06-19"},
	"ES": {"01-01", "01-06", "05-01", "08-15", "10-12", "12-08", "12-25", "2026-04-03"},
	"IN": {"01-26", "08-15", "10-02", "12-25", "2026-09-14", "2026-10-20", "2026-11-09"},
	"JP": {"01-01", "04-29", "05-04", "05-05", "08-11", "11-03", "11-23", "2026-09-21", "2026-09-22", "2026-09-23", "2026-10-12"},
	"AU": {"01-01", "01-26", "04-25", "12-25", "12-26", "2026-06-08", "2026-10-05"},
}

// holiday reports whether local is a public holiday in a country.
func holiday(country string, local time.Time) bool {
	days := holidays[country]
	return slices.Contains(days, local.Format("01-02")) || slices.Contains(days, local.Format("2006-01-02"))
}

// hours are the weights of the hours of a day at which work begins.
type hours [24]float64

// shape is when work begins: on working days, and on weekends and holidays.
type shape struct{ working, free hours }

var (
	officeHours = shape{
		working: hours{7: .3, 8: 1, 9: 1.6, 10: 1.7, 11: 1.5, 12: .8, 13: 1.2, 14: 1.6, 15: 1.5, 16: 1.2, 17: .7, 18: .3, 19: .1, 21: .1},
		free:    hours{10: .06, 14: .08, 20: .06},
	}
	wakingHours = shape{
		working: hours{0: .1, 7: .5, 8: .8, 9: 1, 10: 1, 11: 1, 12: .8, 13: .9, 14: 1, 15: 1, 16: .9, 17: .8, 18: .6, 19: .6, 20: .7, 21: .7, 22: .4, 23: .2},
		free:    hours{0: .2, 9: .2, 10: .4, 11: .4, 12: .3, 14: .3, 16: .3, 18: .3, 20: .5, 21: .5, 22: .4, 23: .2},
	}
	alwaysBusy = shape{
		working: hours{.4, .3, .3, .3, .3, .4, .6, .8, 1, 1.3, 1.4, 1.4, 1.2, 1.3, 1.4, 1.4, 1.3, 1.2, 1.1, 1.1, 1.1, 1, .8, .6},
		free:    hours{.4, .3, .3, .3, .3, .3, .4, .5, .6, .8, .9, .9, .9, .9, .9, .9, .9, .9, .9, 1, 1, .9, .8, .6},
	}
)

// at is the weight of the hour that local is in, of a working day's sum of 1.
func (s *shape) at(country string, local time.Time) float64 {
	day := &s.working
	if local.Weekday() == time.Saturday || local.Weekday() == time.Sunday || holiday(country, local) {
		day = &s.free
	}
	sum := 0.0
	for _, w := range s.working {
		sum += w
	}
	return day[local.Hour()] / sum
}
