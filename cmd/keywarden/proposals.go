package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/all"
)

// proposals are changes of settings on a command line.
type proposals struct {
	Change  []string       `type:"existingfile" placeholder:"FILE" help:"Commands that are proposed, as JSON: exceptions, decoys, watches, revocations. Again for more."`
	Except  []scope        `sep:"none" placeholder:"SCOPE" help:"An exception that is proposed, as KEY=VALUE,...: kind, id, resource, network, detector."`
	Decoy   []scope        `sep:"none" placeholder:"SCOPE" help:"A decoy that is proposed, as kind=account-key,resource=ID."`
	Watch   []netip.Prefix `placeholder:"NETWORK" help:"A network that is proposed to be watched, as 203.0.113.0/24."`
	Without []string       `placeholder:"DETECTOR" help:"A detector that is proposed to be left out."`
}

// scope is what an exception or a decoy is about.
type scope struct {
	principal *detectors.Principal
	resource  string
	networks  []netip.Prefix
	detectors []string
}

// UnmarshalText reads KEY=VALUE,...
func (s *scope) UnmarshalText(text []byte) error {
	kind, id := "", ""
	for part := range strings.SplitSeq(string(text), ",") {
		key, value, ok := strings.Cut(part, "=")
		if !ok || value == "" {
			return fmt.Errorf("%q is not KEY=VALUE", part)
		}
		switch key {
		case "kind":
			kind = value
		case "id":
			id = value
		case "resource":
			s.resource = strings.ToLower(value)
		case "network":
			network, err := netip.ParsePrefix(value)
			if err != nil {
				return fmt.Errorf("%q is no network: write for instance 203.0.113.0/24", value)
			}
			s.networks = append(s.networks, network.Masked())
		case "detector":
			s.detectors = append(s.detectors, value)
		default:
			return fmt.Errorf("%q is no key: there are kind, id, resource, network and detector", key)
		}
	}
	return s.identify(kind, id)
}

// identify makes the principal of a kind and an id, where there is a kind.
func (s *scope) identify(kind, id string) error {
	if kind == "" {
		if id != "" {
			return fmt.Errorf("id=%s without kind: say of what kind the principal is", id)
		}
		return nil
	}
	p := detectors.Principal{ID: id, Resource: s.resource}
	if err := p.Kind.UnmarshalText([]byte(kind)); err != nil {
		return fmt.Errorf("kind: %w", err)
	}
	if p.Kind == detectors.AccountKey || p.Kind == detectors.ResourcePrincipal {
		p.ID = s.resource
	}
	if p.ID == "" || p.Resource == "" && p.Kind != detectors.Operator {
		return fmt.Errorf("kind=%s: a principal needs its resource, and its id unless it is a resource's own key", kind)
	}
	s.principal = &p
	return nil
}

// expiry is for how long from now a proposal would be in force: it covers all
// of a log that is past.
const expiry = 90 * detectors.Day

// commands are the proposals as they would be given now.
func (c *proposals) commands(now time.Time) ([]detectors.Command, error) {
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
		x := &detectors.Exception{ID: fmt.Sprintf("proposal-%d", i+1), Principal: s.principal, Networks: s.networks, Detectors: s.detectors, Owner: "backtest", Reason: "proposed", Expires: at + expiry}
		if s.principal == nil {
			x.Resource = s.resource
		}
		errs = append(errs, add(detectors.Command{Exception: x}, "--except"), known(s.detectors))
	}
	for i, s := range c.Decoy {
		if s.principal == nil {
			errs = append(errs, errors.New("--decoy: a decoy is a principal: say kind and resource"))
			continue
		}
		errs = append(errs, add(detectors.Command{Decoy: &detectors.Decoy{ID: fmt.Sprintf("proposal-%d", i+1), Principal: *s.principal, Owner: "backtest"}}, "--decoy"))
	}
	if len(c.Watch) > 0 {
		errs = append(errs, add(detectors.Command{Watch: &detectors.Watch{ID: "proposal", Networks: c.Watch, Reason: "proposed", Expires: at + expiry}}, "--watch"))
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
