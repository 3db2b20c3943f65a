package evaluate

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
)

// hear has a rule that fires with every event hear events of the victim at the given minutes.
func hear(r Rule, minutes ...int) []Alarm {
	r.New = func() func(detectors.Event) bool { return func(detectors.Event) bool { return true } }
	l := listen(r)
	for _, m := range minutes {
		l.hear(victim, &detectors.Call{Time: detectors.Time(m) * detectors.Minute})
	}
	return l.alarms()
}

// twoEvents fires with the second event that it judges.
func twoEvents() func(detectors.Event) bool {
	n := 0
	return func(detectors.Event) bool { n++; return n == 2 }
}

func raisedAt(alarms []Alarm) (minutes []int) {
	for _, a := range alarms {
		minutes = append(minutes, int(a.At/detectors.Minute))
	}
	return minutes
}

func TestListener(t *testing.T) {
	t.Run("is_quiet_for_ten_minutes", func(t *testing.T) {
		got := hear(Rule{}, 0, 5, 9, 10, 12, 40)
		if d := cmp.Diff([]int{0, 10, 40}, raisedAt(got)); d != "" {
			t.Error(d)
		}
		if got[0].Last != 9*detectors.Minute || got[0].Principal != victim {
			t.Errorf("%+v", got[0])
		}
	})
	t.Run("judges_each_subject_by_itself", func(t *testing.T) {
		l := listen(Rule{New: twoEvents})
		for _, p := range []detectors.Principal{victim, stranger, user, victim} {
			l.hear(p, &detectors.Call{Time: 1})
		}
		if got := l.alarms(); len(got) != 1 || got[0].Principal != victim {
			t.Errorf("%+v", got)
		}
	})
	t.Run("of_everything", func(t *testing.T) {
		l := listen(Rule{New: twoEvents, Everywhere: true})
		for _, p := range []detectors.Principal{victim, stranger, user} {
			l.hear(p, &detectors.Call{Time: 1})
		}
		if got := l.alarms(); len(got) != 1 || got[0].Principal != stranger {
			t.Errorf("%+v: the alarm is about whoever the event is about that fired", got)
		}
	})
	t.Run("of_a_resource", func(t *testing.T) {
		if got := hear(Rule{PerResource: true}, 0); got[0].Principal != account {
			t.Errorf("%+v", got)
		}
		l := listen(Rule{New: func() func(detectors.Event) bool { return func(detectors.Event) bool { return true } }})
		l.hear(user, &detectors.Act{Time: 1})
		if got := l.alarms(); got[0].Principal != account {
			t.Errorf("an act is of %+v, want the resource", got[0].Principal)
		}
	})
}

func TestDaily(t *testing.T) {
	const d = 24 * 60
	all := Together(hear(Rule{}, 0, 20, d-1, d, d+30, 3*d), []Alarm{{Principal: stranger, At: 1}})
	merged := daily(all)
	if diff := cmp.Diff([]int{0, 0, d + 30, 3 * d}, raisedAt(merged)); diff != "" {
		t.Error(diff)
	}
	if merged[0].Last != d*detectors.Minute {
		t.Errorf("the first day ends at %v", merged[0].Last)
	}
}
