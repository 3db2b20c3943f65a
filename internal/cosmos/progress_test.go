package cosmos_test

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/cosmosemulator"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/engine/storetest"
)

func TestProgress(t *testing.T) {
	storetest.RunProgress(t, func(t *testing.T) engine.ProgressStore { return open(t, account(t, cosmosemulator.Config{})) })
}

func TestDeadLetters(t *testing.T) {
	storetest.RunDeadLetters(t, detectors.TimeOf(time.Now()), func(t *testing.T) engine.DeadLetters {
		return open(t, account(t, cosmosemulator.Config{PartitionsPerContainer: 2, EmptyPages: true}))
	})
}

func TestDeadLetters_expire(t *testing.T) {
	var now atomic.Pointer[time.Time]
	set := func(t time.Time) { now.Store(&t) }
	began := time.Now()
	set(began)
	s := open(t, account(t, cosmosemulator.Config{Clock: func() time.Time { return *now.Load() }}))
	if err := s.SaveDeadLetters(t.Context(), []engine.DeadLetter{storetest.DeadLetter(1, detectors.TimeOf(began))}); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ days, want int }{{29, 1}, {31, 0}} {
		t.Run(fmt.Sprintf("after_%d_days", test.days), func(t *testing.T) {
			set(began.AddDate(0, 0, test.days))
			if all, err := s.DeadLetters(t.Context()); err != nil || len(all) != test.want {
				t.Errorf("%d letters, error %v; want %d", len(all), err, test.want)
			}
		})
	}
}
