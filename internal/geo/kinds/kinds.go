// Package kinds says what sort of customers an autonomous system has, by its
// number or, failing that, by words in its name. What it knows is data:
// kinds.csv, whose head says how to add to it.
package kinds

import (
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"github.com/keywarden/keywarden/detectors"
)

//go:embed kinds.csv
var embedded string

// Classifier tells the kinds of autonomous systems.
type Classifier struct {
	numbers map[uint32]detectors.NetworkKind
	words   []rule // the first that fits decides
}

type rule struct {
	pattern *regexp.Regexp
	kind    detectors.NetworkKind
}

// Embedded is the Classifier of kinds.csv.
func Embedded() (*Classifier, error) { return parse(embedded) }

// Kind is the kind of the autonomous system of that number and name;
// NetworkUnknown where neither says.
func (c *Classifier) Kind(number uint32, name string) detectors.NetworkKind {
	if kind, known := c.numbers[number]; known {
		return kind
	}
	name = strings.ToLower(name)
	for _, r := range c.words {
		if r.pattern.MatchString(name) {
			return r.kind
		}
	}
	return detectors.NetworkUnknown
}

// Parse is the kind of that name, as NetworkKind.String gives it.
func Parse(name string) (detectors.NetworkKind, error) {
	for kind := detectors.NetworkUnknown; kind <= detectors.Tor; kind++ {
		if name == kind.String() {
			return kind, nil
		}
	}
	return 0, fmt.Errorf("%q is no kind of network: write unknown, residential, business, cloud, azure, hosting, vpn or tor", name)
}

// parse reads rows "AS<number> or words, kind, source".
func parse(text string) (*Classifier, error) {
	c := &Classifier{numbers: map[uint32]detectors.NetworkKind{}}
	rows := csv.NewReader(strings.NewReader(text))
	rows.Comment, rows.FieldsPerRecord, rows.TrimLeadingSpace, rows.LazyQuotes = '#', 3, true, true
	for {
		row, err := rows.Read()
		if errors.Is(err, io.EOF) {
			return c, nil
		}
		if err != nil {
			return nil, err
		}
		if err := c.add(row[0], row[1]); err != nil {
			line, _ := rows.FieldPos(0)
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
	}
}

var asNumber = regexp.MustCompile(`^AS([0-9]+)$`)

func (c *Classifier) add(who, kindName string) error {
	kind, err := Parse(kindName)
	if err != nil {
		return err
	}
	if match := asNumber.FindStringSubmatch(who); match != nil {
		number, err := strconv.ParseUint(match[1], 10, 32)
		if err != nil {
			return err
		}
		if _, twice := c.numbers[uint32(number)]; twice {
			return fmt.Errorf("AS%d is there twice", number)
		}
		c.numbers[uint32(number)] = kind
		return nil
	}
	pattern, err := regexp.Compile(`\b(?:` + who + `)\b`)
	if err != nil {
		return err
	}
	c.words = append(c.words, rule{pattern, kind})
	return nil
}
