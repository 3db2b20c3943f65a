package evaluate

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
)

// hear has a rule that fires with every event hear events of the victim at the given minutes.
func hear(r Rule, minutes ...int) []Alarm {
	r.New = func() func(detectors.Event) bool { return func(detectors.Event) bool { return true } }
	l := &listener{Rule: r, subjects: map[detectors.Principal]*judged{}}
	for _, m := range minutes {
		l.hear(victim, &detectors.Call{Time: detectors.Time(m) * detectors.Minute})
	}
	return l.alarms()
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
		counts := Rule{New: func() func(detectors.Event) bool {
			n := 0
			return func(detectors.Event) bool { n++; return n == 2 }
		}}
		l := &listener{Rule: counts, subjects: map[detectors.Principal]*judged{}}
		for _, p := range []detectors.Principal{victim, stranger, user, victim} {
			l.hear(p, &detectors.Call{Time: 1})
		}
		if got := l.alarms(); len(got) != 1 || got[0].Principal != victim {
			t.Errorf("%+v", got)
		}
	})
	t.Run("of_a_resource", func(t *testing.T) {
		if got := hear(Rule{PerResource: true}, 0); got[0].Principal != account {
			t.Errorf("%+v", got)
		}
		l := &listener{Rule: Rule{New: func() func(detectors.Event) bool { return func(detectors.Event) bool { return true } }}, subjects: map[detectors.Principal]*judged{}}
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
