package main

import (
	"io"
	"os"

	"golang.org/x/term"

	"github.com/keywarden/keywarden/detectors"
)

// terminal is what can be shown on a stream. The zero terminal is a file or a
// pipe: lines of any length, no colour, nothing that moves.
type terminal struct {
	width  int  // in columns; 0: no limit
	colour bool // and lines may be drawn over
}

// terminalOf is what w can show. NO_COLOR (https://no-color.org) and TERM=dumb are respected.
func terminalOf(w io.Writer) terminal {
	file, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(file.Fd())) {
		return terminal{}
	}
	width, _, err := term.GetSize(int(file.Fd()))
	if err != nil {
		width = 80
	}
	return terminal{width: width, colour: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// Colours, as the numbers of ANSI's "select graphic rendition".
const (
	plain = ""
	bold  = "1"
)

// severityColours are the colours of severities in text.
var severityColours = map[detectors.Severity]string{
	detectors.Critical: "1;31", // bold red
	detectors.High:     "31",   // red
	detectors.Medium:   "33",   // yellow
	detectors.Low:      "36",   // cyan
	detectors.Info:     plain,
}

// paint is text in a colour, where the terminal has colours.
func (t terminal) paint(colour, text string) string {
	if !t.colour || colour == plain {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}
