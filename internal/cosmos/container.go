package cosmos

import (
	"context"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"
)

// Names of the containers.
const (
	IncidentsContainer   = "incidents"
	CasesContainer       = "cases"
	StateContainer       = "state"
	ConfigContainer      = "config"
	DeadlettersContainer = "deadletters"
	LeasesContainer      = "leases"
)

// deadletterDays is how long a record that could not be read is kept.
const deadletterDays = 30

// Containers are the containers of a database: how they are partitioned, what
// of them is indexed, when documents expire. infra/ makes the same.
func Containers() []azcosmos.ContainerProperties {
	deadletterSeconds := int32(deadletterDays * 24 * 60 * 60)
	return []azcosmos.ContainerProperties{
		{
			ID: IncidentsContainer, PartitionKeyDefinition: partitionedBy("/year"),
			// What List asks for, and nothing else: an index of the rest would be most of what a write costs.
			IndexingPolicy: index([]string{"/year/?", "/status/?", "/severity/?", "/risk/?", "/keys/openedAt/?", "/keys/lastSeen/?",
				"/keys/principals/[]/?", "/keys/resources/[]/?", "/keys/detectors/[]/?"}, []string{"/*"}, "/keys/openedAt", "/risk", "/keys/lastSeen"),
		},
		{ID: CasesContainer, PartitionKeyDefinition: partitionedBy("/year"), IndexingPolicy: index([]string{"/*"}, []string{"/notes/*", "/history/*"})},
		{
			// Documents are found by their ids only.
			ID: StateContainer, PartitionKeyDefinition: partitionedBy("/resource"),
			IndexingPolicy: &azcosmos.IndexingPolicy{IndexingMode: azcosmos.IndexingModeNone},
		},
		{ID: ConfigContainer, PartitionKeyDefinition: partitionedBy("/kind"), IndexingPolicy: index([]string{"/*"}, []string{"/progress/*"})},
		{
			ID: DeadlettersContainer, PartitionKeyDefinition: partitionedBy("/source"), DefaultTimeToLive: &deadletterSeconds,
			IndexingPolicy: index([]string{"/source/?"}, []string{"/*"}),
		},
		{ID: LeasesContainer, PartitionKeyDefinition: partitionedBy("/id")}, // as the host's trigger demands it
	}
}

func partitionedBy(path string) azcosmos.PartitionKeyDefinition {
	return azcosmos.PartitionKeyDefinition{Paths: []string{path}, Version: 2}
}

// index is a policy that includes and excludes paths, and sorts by each of the
// given paths, descending, and then by id.
func index(included, excluded []string, sorted ...string) *azcosmos.IndexingPolicy {
	p := &azcosmos.IndexingPolicy{Automatic: true, IndexingMode: azcosmos.IndexingModeConsistent}
	for _, path := range included {
		p.IncludedPaths = append(p.IncludedPaths, azcosmos.IncludedPath{Path: path})
	}
	for _, path := range append(excluded, `/"_etag"/?`) {
		p.ExcludedPaths = append(p.ExcludedPaths, azcosmos.ExcludedPath{Path: path})
	}
	for _, path := range sorted {
		p.CompositeIndexes = append(p.CompositeIndexes, []azcosmos.CompositeIndex{
			{Path: path, Order: azcosmos.CompositeIndexDescending}, {Path: "/id", Order: azcosmos.CompositeIndexDescending},
		})
	}
	return p
}

// EnsureContainers makes the database and its containers where they are
// missing. Those that are there stay as they are. It needs a key: an Entra ID
// identity may not do this.
func (c *Client) EnsureContainers(ctx context.Context) error {
	_, err := c.sdk.CreateDatabase(ctx, azcosmos.DatabaseProperties{ID: c.database.ID()}, nil)
	if err != nil && statusOf(err) != http.StatusConflict {
		return wrap("create database "+c.database.ID(), err)
	}
	for _, definition := range Containers() {
		_, err := c.database.CreateContainer(ctx, definition, nil)
		if err != nil && statusOf(err) != http.StatusConflict {
			return wrap("create container "+definition.ID, err)
		}
	}
	return nil
}
