package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path"
	"slices"
	"time"

	"github.com/keywarden/keywarden/detectors"
)

// watch shows incidents as the API tells of them.
type watch struct {
	api   string // its address
	least detectors.Severity
	std   *output
	began time.Time
	known map[string]seen // by id
	wrong int             // looks that failed, one after the other
}

// seen is an incident as the API has it.
type seen struct {
	ID        string              `json:"id"`
	Severity  detectors.Severity  `json:"severity"`
	Risk      float64             `json:"risk"`
	Title     string              `json:"title"`
	OpenedAt  time.Time           `json:"openedAt"`
	Principal detectors.Principal `json:"principal"`
}

func newWatch(api string, least detectors.Severity, std *output) *watch {
	return &watch{api: api, least: least, std: std, began: time.Now(), known: map[string]seen{}}
}

// run looks every second until ctx ends, and sums up when it is told that
// everything was judged.
func (w *watch) run(ctx context.Context, caughtUp <-chan struct{}) error {
	ticker := time.NewTicker(pauses)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			w.look(ctx)
		case <-caughtUp:
			for !w.look(ctx) {
				if !pause(ctx) {
					return nil
				}
			}
			w.sum()
		}
	}
}

// look shows what is new, and reports whether the API has answered. Of what is
// wrong it speaks when it happens again: while the host starts nobody answers.
func (w *watch) look(ctx context.Context) bool {
	all, err := w.incidents(ctx)
	if err != nil {
		if w.wrong++; w.wrong == 2 && ctx.Err() == nil {
			fmt.Fprintln(w.std.err, "the API does not answer as it should:", err)
		}
		return false
	}
	w.wrong = 0
	for _, i := range slices.Backward(all) { // the oldest first
		w.show(i)
	}
	return true
}

// show prints an incident that is new, or graver than before.
func (w *watch) show(i seen) {
	before, there := w.known[i.ID]
	w.known[i.ID] = i
	if i.Severity < w.least || there && i.Severity <= before.Severity {
		return
	}
	fmt.Fprintf(w.std.out, "%-8s  %s  %-24s  %s (risk %.1f)\n", i.Severity, i.OpenedAt.UTC().Format("2006-01-02 15:04"), nameOf(i.Principal), i.Title, i.Risk)
}

// nameOf is a principal in a few characters.
func nameOf(p detectors.Principal) string { return p.Kind.String() + " " + path.Base(p.Resource) }

// sum says that all was judged, and what was found.
func (w *watch) sum() {
	grave := 0
	for _, i := range w.known {
		if i.Severity >= detectors.Medium {
			grave++
		}
	}
	fmt.Fprintf(w.std.out, "caught up after %v: all that came is judged; %d incidents, %d of them medium or graver\n", time.Since(w.began).Round(time.Second), len(w.known), grave)
}

// incidents are all of them, the latest first.
func (w *watch) incidents(ctx context.Context) (all []seen, err error) {
	query := url.Values{"sort": {"-openedAt"}, "limit": {"500"}}
	for {
		var page struct {
			Items      []seen
			NextCursor *string
		}
		if err := w.get(ctx, "/api/incidents?"+query.Encode(), &page); err != nil {
			return nil, err
		}
		all = append(all, page.Items...)
		if page.NextCursor == nil {
			return all, nil
		}
		query.Set("cursor", *page.NextCursor)
	}
}

// askFor is how long an answer is waited for.
const askFor = 20 * time.Second

func (w *watch) get(ctx context.Context, path string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, w.api+path, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, 500)) // what it says of itself, if anything
		return fmt.Errorf("status %d %s", answer.StatusCode, text)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}
