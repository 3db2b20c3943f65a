package sqlite_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/engine/storetest"
)

func TestProgress(t *testing.T) {
	storetest.RunProgress(t, func(t *testing.T) engine.ProgressStore { return open(t, newPath(t)) })
}

const now = 20_000 * detectors.Day

func TestDeadLetters(t *testing.T) {
	storetest.RunDeadLetters(t, now, func(t *testing.T) engine.DeadLetters { return open(t, newPath(t)) })
}

func TestDeadLetters_expire(t *testing.T) {
	s := open(t, newPath(t))
	for _, found := range []detectors.Time{now - engine.DeadLetterLife, now - engine.DeadLetterLife + 1, now} {
		if err := s.SaveDeadLetters(t.Context(), []engine.DeadLetter{storetest.DeadLetter(int(now-found), found)}); err != nil {
			t.Fatal(err)
		}
	}
	all, err := s.DeadLetters(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	want := []engine.DeadLetter{storetest.DeadLetter(0, now), storetest.DeadLetter(int(engine.DeadLetterLife-1), now-engine.DeadLetterLife+1)}
	if d := cmp.Diff(want, all); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}
