package cosmos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/incident"
)

// filed is what the document of an incident has besides the incident's own
// form ([incident.Incident.MarshalDocument]).
type filed struct {
	Year     string          `json:"year"`     // the partition key: the first part of the id
	Revision engine.Revision `json:"revision"` // which event of the log it is the state after
	Keys     incident.Keys   `json:"keys"`     // what it is found by
}

// IncidentYear is the partition key of an incident's document.
func IncidentYear(id string) string {
	year, _, _ := strings.Cut(id, "-")
	return year
}

// incidentDocument is the document of an incident.
func incidentDocument(i *incident.Incident, r engine.Revision) (json.RawMessage, error) {
	document, err := i.MarshalDocument()
	if err != nil {
		return nil, fmt.Errorf("cosmos: incident %s: %w", i.ID, err)
	}
	more, err := json.Marshal(filed{IncidentYear(i.ID), r, i.Keys()})
	if err != nil {
		return nil, fmt.Errorf("cosmos: incident %s: %w", i.ID, err)
	}
	document[len(document)-1] = ','
	return append(document, more[1:]...), nil
}

// SaveIncident implements engine.Ledger.
func (l *Ledger) SaveIncident(ctx context.Context, i *incident.Incident, r engine.Revision) error {
	document, err := incidentDocument(i, r)
	if err != nil {
		return err
	}
	p := place{IncidentsContainer, IncidentYear(i.ID), i.ID}
	known := l.recent.get(i.ID)
	for known.etag == "" || r.After(known.revision) {
		etag, err := l.put(ctx, p, document, known.etag)
		switch {
		case err == nil:
			known = version{etag, r}
		case errors.Is(err, errMissing):
			known = version{}
		case errors.Is(err, errExists), errors.Is(err, errChanged):
			if known, err = l.version(ctx, p); err != nil {
				return err
			}
		default:
			return err
		}
	}
	l.recent.put(i.ID, known)
	return nil
}

// version is what is stored of an incident; the zero version where nothing is.
func (l *Ledger) version(ctx context.Context, p place) (version, error) {
	var stored filed
	etag, err := l.get(ctx, p, &stored)
	if errors.Is(err, errMissing) {
		return version{}, nil
	}
	return version{etag, stored.Revision}, err
}

// Incidents are all incidents, sorted as incident.Compare does. It reads them
// all: for comparing and exporting, not for a page.
func (l *Ledger) Incidents(ctx context.Context) ([]*incident.Incident, error) {
	var all []*incident.Incident
	err := l.query(ctx, IncidentsContainer, azcosmos.NewPartitionKey(), func(item []byte) error {
		i := new(incident.Incident)
		if err := i.UnmarshalDocument(item); err != nil {
			return fmt.Errorf("cosmos: %w", err)
		}
		all = append(all, i)
		return nil
	})
	slices.SortFunc(all, incident.Compare)
	return all, err
}

// version is which version of an incident is stored.
type version struct {
	etag     azcore.ETag
	revision engine.Revision
}

// recent remembers the versions of the incidents that were written last, so
// that most are written with one request.
type recent struct {
	mu         sync.Mutex
	young, old map[string]version
}

// recentMost is how many incidents young may have; then it becomes old, and the old ones are forgotten.
const recentMost = 5_000

func (r *recent) get(id string) version {
	r.mu.Lock()
	defer r.mu.Unlock()
	if v, there := r.young[id]; there {
		return v
	}
	return r.old[id]
}

func (r *recent) put(id string, v version) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.young == nil || len(r.young) >= recentMost {
		r.young, r.old = map[string]version{}, r.young
	}
	r.young[id] = v
}
