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
	records := int64(0)
	for _, n := range r.Counts.Records {
		records += n
	}
	fmt.Fprintf(w, "%s records in %s (%s/s): %s calls, %s acts, %s principals never met before, %s findings\n",
		humanize.Comma(records), took.Round(time.Millisecond), humanize.Comma(int64(float64(records)/max(took.Seconds(), 1e-3))),
		humanize.Comma(r.Calls), humanize.Comma(r.Acts), humanize.Comma(r.Principals), humanize.Comma(r.Findings))
	for _, line := range []struct {
		n    int64
		what string
	}{
		{int64(r.Known), "inputs had been taken in before"},
		{r.Duplicates, "records were delivered twice"},
		{r.Late, "calls came more than an hour late"},
		{r.Unproven, "calls came without any identity, and are charged to the account's keys"},
		{r.Unmatched, "token counts belong to no call that was seen"},
		{r.Cold, "memories of a detector could not be read: it starts cold there"},
		{r.Poison, "records could not be read and were set aside"},
	} {
		if line.n > 0 {
			fmt.Fprintf(w, "  %s %s\n", humanize.Comma(line.n), line.what)
		}
	}
	for _, p := range r.Worst {
		fmt.Fprintf(w, "    %s: record at byte %d, %d bytes long, sha256 %.4x: %v: %s\n", p.Source, p.Offset, p.Length, p.SHA256, p.Err, p.Around)
	}
	if more := r.Poison - int64(len(r.Worst)); more > 0 {
		fmt.Fprintf(w, "    and %s more\n", humanize.Comma(more))
	}
	names(w, "records that are not needed", r.Counts.Ignored)
	names(w, "categories that are not understood", r.Counts.UnknownCategories)
	names(w, "operations that are not known", r.Counts.UnknownOperations)
	names(w, "properties of a new name or shape", r.Counts.Drift)
}

// names says how often each name was counted, the most frequent first.
func names(w io.Writer, what string, counted azurelog.Names) {
	if len(counted) == 0 {
		return
	}
	sorted := slices.SortedFunc(maps.Keys(counted), func(a, b string) int {
		return cmp.Or(cmp.Compare(counted[b], counted[a]), cmp.Compare(a, b))
	})
	const most = 8
	var texts []string
	for _, name := range sorted[:min(most, len(sorted))] {
		texts = append(texts, fmt.Sprintf("%q %s", name, humanize.Comma(counted[name])))
	}
	if more := len(sorted) - most; more > 0 {
		texts = append(texts, fmt.Sprintf("and %d more", more))
	}
	fmt.Fprintf(w, "  %s: %s\n", what, strings.Join(texts, ", "))
}
