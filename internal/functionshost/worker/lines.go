package worker

import (
	"bytes"
	"strings"
	"sync"
)

// Level is how the host files a line.
type Level string

// The levels that the host gives to a handler's output.
const (
	Information Level = "Information"
	Warning     Level = "Warning"
	Error       Level = "Error"
)

// Line is one line of the log.
type Line struct {
	Level Level
	Text  string
}

// maxLine bounds a line; a longer one is cut.
const maxLine = 64 << 10

// splitter calls line for each line that is written to it.
type splitter struct {
	line func(string)
	rest []byte
}

func (s *splitter) Write(b []byte) (int, error) {
	n := len(b)
	for {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			break
		}
		s.keep(b[:i])
		s.flush()
		b = b[i+1:]
	}
	s.keep(b)
	return n, nil
}

func (s *splitter) keep(b []byte) {
	s.rest = append(s.rest, b[:min(len(b), maxLine-len(s.rest))]...)
}

func (s *splitter) flush() {
	s.line(strings.TrimSuffix(string(s.rest), "\r"))
	s.rest = s.rest[:0]
}

// end reports a last line without its end.
func (s *splitter) end() {
	if len(s.rest) > 0 {
		s.flush()
	}
}

// tailLines is how many lines of stderr are attached to an exit.
const tailLines = 3

// stderr files the lines of standard error and keeps the last ones.
type stderr struct {
	log func(Line)

	mu   sync.Mutex
	last []string
}

func (s *stderr) line(text string) {
	level := Error
	if strings.Contains(strings.ToLower(text), "warn") {
		level = Warning
	}
	s.log(Line{level, text})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = append(s.last, text)
	s.last = s.last[max(0, len(s.last)-tailLines):]
}

// tail is the last lines, to follow the words about an exit.
func (s *stderr) tail() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.last) == 0 {
		return ""
	}
	return ": " + strings.Join(s.last, "\n")
}
