package main

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/dustin/go-humanize"

	"github.com/keywarden/keywarden/detectors/all"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/geo"
	"github.com/keywarden/keywarden/internal/incident"
)

// judging are the options that replay and seed have in common.
type judging struct {
	Source string `placeholder:"NAME" help:"What standard input, or a pipe, is called in a kept store: the same name again is the same input, and adds nothing."`
	engineOptions

	Paths []string `arg:"" optional:"" name:"path" help:"Log files, folders of them, or - for standard input."`
}

// engineOptions are the options of whatever judges.
type engineOptions struct {
	Workers int      `default:"0" help:"How many judge at the same time; 0 is one for each CPU. The incidents are the same."`
	Memory  byteSize `env:"KEYWARDEN_MEMORY" placeholder:"SIZE" help:"How much memory profiles may take, for instance 512MiB."`
	Prices  string   `placeholder:"FILE" help:"Prices of models beside the list prices, as CSV: model,prompt,cached,completion,image."`

	GeoCity      string `name:"geo-city" env:"KEYWARDEN_GEO_CITY" placeholder:"FILE" help:"A MaxMind or DB-IP file of countries or cities, in place of the built-in table."`
	GeoASN       string `name:"geo-asn" env:"KEYWARDEN_GEO_ASN" placeholder:"FILE" help:"Such a file of networks and who runs them."`
	GeoAnonymous string `name:"geo-anonymous" env:"KEYWARDEN_GEO_ANONYMOUS" placeholder:"FILE" help:"Such a file of networks that hide who is behind them, or a text with one network and its kind a line."`
}

// engine makes the engine that c asks for, with these options: of all detectors, where c has none.
func (o *engineOptions) engine(c engine.Config) (*engine.Engine, error) {
	prices, err := o.prices()
	if err != nil {
		return nil, err
	}
	tables, err := o.tables()
	if err != nil {
		return nil, err
	}
	if c.Detectors == nil {
		c.Detectors = all.Detectors()
	}
	c.Locate, c.Prices = tables.Locate, prices
	c.Workers, c.Memory = o.Workers, int64(o.Memory)
	return engine.New(c)
}

// check refuses what cannot be asked for together.
func (j *judging) check(store storeName) error {
	streams := slices.DeleteFunc(slices.Clone(j.Paths), func(path string) bool { return !isStream(path) })
	switch {
	case len(j.Paths) == 0:
		return errors.New("say what to read: log files, folders of them, or - for standard input")
	case len(streams) > 0 && store != "" && j.Source == "":
		return fmt.Errorf("%s is a stream, which a kept store must know by a name: give it one with --source NAME", streams[0])
	case len(streams) > 1:
		return fmt.Errorf("%s and %s are two streams: one is read at a time", streams[0], streams[1])
	case len(streams) == 0 && j.Source != "":
		return errors.New("--source names a stream, and none is among the inputs")
	case j.Workers < 0:
		return fmt.Errorf("--workers %d: write how many, or 0 for one for each CPU", j.Workers)
	}
	return nil
}

// prices are the list prices, with those of a file in front.
func (o *engineOptions) prices() (*incident.Prices, error) {
	if o.Prices == "" {
		return incident.ListPrices(), nil
	}
	file, err := os.Open(o.Prices)
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	prices, err := incident.LoadPrices(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", o.Prices, err)
	}
	return prices, nil
}

// tables locate addresses, by the built-in table and the files that take over from it.
func (o *engineOptions) tables() (*geo.Tables, error) {
	return geo.Open(geo.Options{City: o.GeoCity, ASN: o.GeoASN, Anonymous: o.GeoAnonymous})
}

// byteSize is a number of bytes, written as people do: 512MiB, 2GB.
type byteSize int64

// UnmarshalText implements encoding.TextUnmarshaler.
func (b *byteSize) UnmarshalText(text []byte) error {
	size, err := humanize.ParseBytes(string(text))
	if err != nil || size > 1<<62 {
		return fmt.Errorf("%q is no size: write for instance 512MiB or 2GiB", text)
	}
	*b = byteSize(size)
	return nil
}
