package main

import (
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows on a terminal how much of the inputs was read. It shows
// nothing elsewhere.
type progress struct{ bar *progressbar.ProgressBar }

// newProgress begins to show progress through the inputs of groups on w.
func newProgress(w io.Writer, groups []group) *progress {
	if !terminalOf(w).colour {
		return &progress{}
	}
	return &progress{progressbar.NewOptions64(size(groups),
		progressbar.OptionSetWriter(w),
		progressbar.OptionShowBytes(true),
		progressbar.OptionSetDescription("reading"),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionClearOnFinish(),
		progressbar.OptionSetPredictTime(true),
	)}
}

// size is how many bytes there are to read, or -1 where that cannot be known.
func size(groups []group) (total int64) {
	for _, g := range groups {
		for _, path := range g.paths {
			info, err := os.Stat(path)
			if path == stdinName || err == nil && !info.Mode().IsRegular() {
				return -1
			}
			if err == nil {
				total += info.Size()
			}
		}
	}
	return total
}

// add counts bytes that were read. Any goroutine may call it.
func (p *progress) add(bytes int64) {
	if p.bar != nil {
		_ = p.bar.Add64(bytes) // more than expected, where a file grows: nothing to be done
	}
}

// done clears the line.
func (p *progress) done() {
	if p.bar != nil {
		_ = p.bar.Clear()
	}
}
