package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/engine"
)

// summarize says what a replay did, and what in its inputs deserves a look.
func summarize(w io.Writer, r *engine.Report, took time.Duration) {
	records := -r.Wild
	for _, n := range r.Counts.Records {
		records += n
	}
	fmt.Fprintf(w, "%s in %s (%s/s): %s, %s, %s never met before, %s\n",
		counted(records, "record", "records"), took.Round(time.Millisecond), humanize.Comma(int64(float64(records)/max(took.Seconds(), 1e-3))),
		counted(r.Calls, "call", "calls"), counted(r.Acts, "act", "acts"), counted(r.Principals, "principal", "principals"), counted(r.Findings, "finding", "findings"))
	for _, line := range []struct {
		n         int64
		one, many string
	}{
		{int64(r.Known), "input had been taken in before", "inputs had been taken in before"},
		{r.Duplicates, "record was delivered twice", "records were delivered twice"},
		{r.Late, "call came more than an hour late", "calls came more than an hour late"},
		{r.Unproven, "call came without any identity, and is charged to the account's keys", "calls came without any identity, and are charged to the account's keys"},
		{r.Unmatched, "token count belongs to no call that was seen", "token counts belong to no call that was seen"},
		{r.Cold, "memory of a detector could not be read: it starts cold there", "memories of a detector could not be read: it starts cold there"},
		{r.Poison, "record could not be read and was set aside", "records could not be read and were set aside"},
	} {
		if line.n > 0 {
			fmt.Fprintf(w, "  %s\n", counted(line.n, line.one, line.many))
		}
	}
	for _, p := range r.Worst {
		fmt.Fprintf(w, "    %s: record at byte %d", p.Source, p.Offset)
		if p.Length > 0 { // it is the record that cannot be read, and not its time that cannot be
			fmt.Fprintf(w, ", %d bytes long, sha256 %.4x", p.Length, p.SHA256)
		}
		fmt.Fprintf(w, ": %v", p.Err)
		if p.Around != "" {
			fmt.Fprintf(w, ": %s", p.Around)
		}
		fmt.Fprintln(w)
	}
	if more := r.Poison - int64(len(r.Worst)); more > 0 {
		fmt.Fprintf(w, "    and %s more\n", humanize.Comma(more))
	}
	names(w, "records that are not needed", r.Counts.Ignored)
	names(w, "categories that are not understood", r.Counts.UnknownCategories)
	names(w, "operations that are not known", r.Counts.UnknownOperations)
	names(w, "properties of a new name or shape", r.Counts.Drift)
}

// counted is a number of things, with the words for one and for any other number.
func counted(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return humanize.Comma(n) + " " + many
}

// names says how often each name was counted, the most frequent first.
func names(w io.Writer, what string, found azurelog.Names) {
	if len(found) == 0 {
		return
	}
	sorted := slices.SortedFunc(maps.Keys(found), func(a, b string) int {
		return cmp.Or(cmp.Compare(found[b], found[a]), cmp.Compare(a, b))
	})
	const most = 8
	var texts []string
	for _, name := range sorted[:min(most, len(sorted))] {
		texts = append(texts, fmt.Sprintf("%q %s", name, humanize.Comma(found[name])))
	}
	if more := len(sorted) - most; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	fmt.Fprintf(w, "  %s: %s\n", what, strings.Join(texts, ", "))
}
