package azurelog

import "maps"

// Counts is what a Decoder has seen. Names that come from logs are bounded in
// number and length.
type Counts struct {
	Records           [categories]int64 // fragments, by Category
	Ignored           Names             // records that are understood and not needed, by kind
	UnknownCategories Names             // records that are not understood, by category
	UnknownOperations Names             // calls and acts whose class is not known, by operation
	Drift             Names             // records with a property, or a shape of one, that was never seen, by property
	Poison            int64             // records that could not be read
}

// Merge adds what another Decoder has seen.
func (c *Counts) Merge(other Counts) {
	for i, n := range other.Records {
		c.Records[i] += n
	}
	c.Ignored.merge(other.Ignored)
	c.UnknownCategories.merge(other.UnknownCategories)
	c.UnknownOperations.merge(other.UnknownOperations)
	c.Drift.merge(other.Drift)
	c.Poison += other.Poison
}

// clone is c without memory in common.
func (c *Counts) clone() Counts {
	copied := *c
	copied.Ignored = maps.Clone(c.Ignored)
	copied.UnknownCategories = maps.Clone(c.UnknownCategories)
	copied.UnknownOperations = maps.Clone(c.UnknownOperations)
	copied.Drift = maps.Clone(c.Drift)
	return copied
}

// Names counts by name. What does not fit is counted under "(other)", an empty name under "(none)".
type Names map[string]int64

// Bounds of Names.
const (
	maxNames      = 64 // besides "(other)"
	maxNameLength = 64 // bytes
	otherName     = "(other)"
	noName        = "(none)"
)

// add counts n more of name.
func (c *Names) add(name string, n int64) {
	if name == "" {
		name = noName
	}
	if *c == nil {
		*c = make(Names)
	}
	if _, known := (*c)[name]; !known && (len(name) > maxNameLength || len(*c) >= maxNames) {
		name = otherName
	}
	(*c)[name] += n
}

func (c *Names) merge(other Names) {
	for name, n := range other {
		c.add(name, n)
	}
}
