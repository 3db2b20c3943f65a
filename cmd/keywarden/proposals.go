package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/all"
)

// proposals are changes of settings on a command line.
type proposals struct {
	Change  []string      `type:"existingfile" placeholder:"FILE" help:"Commands that are proposed, as JSON: exceptions, decoys, watches, revocations. Again for more."`
	Except  []scope       `sep:"none" placeholder:"SCOPE" help:"An exception that is proposed, as KEY=VALUE,...: principal, resource, network, detector."`
	Decoy   []scope       `sep:"none" placeholder:"SCOPE" help:"A decoy that is proposed, as principal=account-key,resource=ID."`
	Watch   []networkFlag `placeholder:"NETWORK" help:"A network or an address that is proposed to be watched, as 203.0.113.0/24."`
	Without []string      `placeholder:"DETECTOR" help:"A detector that is proposed to be left out."`
}

// scope is what an exception or a decoy is about.
type scope struct {
	whom
	networks  []networkFlag
	detectors []string
}

// UnmarshalText reads KEY=VALUE,...
func (s *scope) UnmarshalText(text []byte) error {
	for part := range strings.SplitSeq(string(text), ",") {
		key, value, ok := strings.Cut(part, "=")
		if !ok || value == "" {
			return fmt.Errorf("%q is not KEY=VALUE", part)
		}
		var err error
		switch key {
		case "principal":
			err = s.Principal.UnmarshalText([]byte(value))
		case "resource":
			err = s.Resource.UnmarshalText([]byte(value))
		case "network":
			var network networkFlag
			err = network.UnmarshalText([]byte(value))
			s.networks = append(s.networks, network)
		case "detector":
			s.detectors = append(s.detectors, value)
		default:
			err = fmt.Errorf("%q is no key: there are principal, resource, network and detector", key)
		}
		if err != nil {
			return err
		}
	}
	if s.Principal.given && s.Resource == "" {
		return errors.New("a principal is of a resource: name it with resource=ID")
	}
	return nil
}

// expiry is for how long from now a proposal would be in force: it covers all
// of a log that is past.
const expiry = 90 * detectors.Day

// commands are the proposals as they would be given now.
func (c *proposals) commands(now time.Time, std *streams) ([]detectors.Command, error) {
	at := detectors.TimeOf(now)
	var commands []detectors.Command
	for _, path := range c.Change {
		read, err := readCommands(path, at)
		if err != nil {
			return nil, err
		}
		commands = append(commands, read...)
	}
	add := func(command detectors.Command, flag string) error {
		command.Time, command.By = at, "backtest"
		commands = append(commands, command)
		if err := command.Check(); err != nil {
			return fmt.Errorf("%s: %w", flag, err)
		}
		return nil
	}
	var errs []error
	for i, s := range c.Except {
		x := &detectors.Exception{ID: fmt.Sprintf("proposal-%d", i+1), Principal: s.named(), Networks: prefixes(s.networks, std), Detectors: s.detectors, Owner: "backtest", Reason: "proposed", Expires: at + expiry}
		if x.Principal == nil {
			x.Resource = string(s.Resource)
		}
		errs = append(errs, add(detectors.Command{Exception: x}, "--except"), known(s.detectors))
	}
	for i, s := range c.Decoy {
		if !s.Principal.given {
			errs = append(errs, errors.New("--decoy: a decoy is a principal: say principal and resource"))
			continue
		}
		errs = append(errs, add(detectors.Command{Decoy: &detectors.Decoy{ID: fmt.Sprintf("proposal-%d", i+1), Principal: *s.named(), Owner: "backtest"}}, "--decoy"))
	}
	if len(c.Watch) > 0 {
		errs = append(errs, add(detectors.Command{Watch: &detectors.Watch{ID: "proposal", Networks: prefixes(c.Watch, std), Reason: "proposed", Expires: at + expiry}}, "--watch"))
	}
	return commands, errors.Join(append(errs, known(c.Without))...)
}

// known says which of the names are no detector's.
func known(names []string) error {
	ids := detectorIDs()
	var errs []error
	for _, name := range names {
		if !slices.Contains(ids, name) {
			errs = append(errs, fmt.Errorf("no detector is called %q: keywarden detectors lists them", name))
		}
	}
	return errors.Join(errs...)
}

func detectorIDs() []string {
	var ids []string
	for _, d := range all.Detectors() {
		ids = append(ids, d.ID)
	}
	return ids
}

// left are the detectors that would be left.
func (c *proposals) left() []*detectors.Detector {
	return slices.DeleteFunc(all.Detectors(), func(d *detectors.Detector) bool { return slices.Contains(c.Without, d.ID) })
}

// readCommands reads commands from a file: one object after another, or an array
// of them. Where a command has no time or no author it is given now, by this program.
func readCommands(path string, now detectors.Time) ([]detectors.Command, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	var commands []detectors.Command
	for in := json.NewDecoder(file); ; {
		var raw json.RawMessage
		if err := in.Decode(&raw); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		read, err := commandsOf(raw)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		commands = append(commands, read...)
	}
	for i := range commands {
		c := &commands[i]
		if c.Time == 0 {
			c.Time = now
		}
		if c.By == "" {
			c.By = "backtest"
		}
		if err := c.Check(); err != nil {
			return nil, fmt.Errorf("%s: command %d: %w", path, i+1, err)
		}
	}
	return commands, nil
}

// commandsOf reads one command or an array of them. A member that no command has is an error.
func commandsOf(raw json.RawMessage) ([]detectors.Command, error) {
	strict := json.NewDecoder(strings.NewReader(string(raw)))
	strict.DisallowUnknownFields()
	if raw[0] == '[' {
		var many []detectors.Command
		err := strict.Decode(&many)
		return many, err
	}
	one := make([]detectors.Command, 1)
	err := strict.Decode(&one[0])
	return one, err
}
