package engine

import (
	"context"
	"fmt"
	"sync"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// Letters keeps what was set aside as dead letters, but not each of a storm: a
// sender that is broken would cost one write for every record. It may be used
// by several goroutines.
type Letters struct {
	kept DeadLetters
	mu   sync.Mutex
	of   map[usagelog.Source]*ration
}

// ration is what is left of a source's letters in an hour.
type ration struct {
	hour detectors.Time
	left int
}

// lettersAnHour is how many dead letters of one partition are kept in an hour.
const lettersAnHour = 100

// NewLetters returns Letters that are kept in d.
func NewLetters(d DeadLetters) *Letters {
	return &Letters{kept: d, of: map[usagelog.Source]*ration{}}
}

// Keep keeps the first of what was set aside of a source at the given time, and
// returns how many it does not keep, because there were too many in the hour.
// After an error the same may be given again.
func (l *Letters) Keep(ctx context.Context, source usagelog.Source, at detectors.Time, all []SetAside) (left int, err error) {
	if len(all) == 0 {
		return 0, nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	r := l.of[source]
	if r == nil {
		r = &ration{}
		l.of[source] = r
	}
	if hour := at / detectors.Hour; hour != r.hour {
		*r = ration{hour, lettersAnHour}
	}
	now := min(len(all), r.left)
	if now > 0 {
		if err := l.kept.SaveDeadLetters(ctx, DeadLettersOf(source, at, all[:now])); err != nil {
			return 0, fmt.Errorf("engine: keep %d dead letters: %w", now, err)
		}
	}
	r.left -= now
	return len(all) - now, nil
}
