package main

import (
	"context"
	"errors"
	"time"

	"github.com/keywarden/keywarden/internal/engine"
)

// judge takes the inputs into the store of c, as c asks for, and says on
// standard error what became of them.
//
// What could not be read is in unread, one error for each input: the others
// were taken in all the same. Err is why nothing, or not all, was taken in.
func (j *judging) judge(ctx context.Context, std *streams, c engine.Config) (unread, err error) {
	groups, unread := discover(j.Paths)
	if len(groups) == 0 {
		return nil, unread
	}
	shown := newProgress(std.err, groups)
	c.Progress = shown.add
	e, err := j.engine(c)
	if err != nil {
		return nil, err
	}
	begun := time.Now()
	report, err := e.Replay(ctx, j.sources(ctx, groups, std.in))
	shown.done()
	if err != nil {
		return nil, err
	}
	summarize(std.err, &report, time.Since(begun))
	return errors.Join(append([]error{unread}, report.Unreadable...)...), nil
}
