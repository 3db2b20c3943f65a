package invocation

import (
	"context"
	"sync"
)

// lanes let one at a time through of each name.
type lanes struct {
	mu   sync.Mutex
	busy map[string]chan struct{} // closed when the lane is free
}

// enter waits until the lane is free or ctx ends. Whoever enters must leave.
func (l *lanes) enter(ctx context.Context, name string) (leave func(), err error) {
	for {
		l.mu.Lock()
		before, taken := l.busy[name]
		if !taken {
			if l.busy == nil {
				l.busy = map[string]chan struct{}{}
			}
			mine := make(chan struct{})
			l.busy[name] = mine
			l.mu.Unlock()
			return func() {
				l.mu.Lock()
				delete(l.busy, name)
				l.mu.Unlock()
				close(mine)
			}, nil
		}
		l.mu.Unlock()
		select {
		case <-before:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
