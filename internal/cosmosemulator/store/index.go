package store

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/keywarden/keywarden/internal/cosmosemulator/dialect"
)

// indexingPolicy is what a container's policy says of sorting.
type indexingPolicy struct {
	IndexingMode     string              `json:"indexingMode"`
	IncludedPaths    []indexPath         `json:"includedPaths"`
	ExcludedPaths    []indexPath         `json:"excludedPaths"`
	CompositeIndexes [][]compositeMember `json:"compositeIndexes"`
}

type indexPath struct {
	Path string `json:"path"`
}

type compositeMember struct {
	Path  string `json:"path"`
	Order string `json:"order"`
}

func (c *Container) policy() (policy indexingPolicy) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	_ = json.Unmarshal(c.properties["indexingPolicy"], &policy) // checked when it was set
	return policy
}

// Indexed says whether the container keeps an index, which writes pay for.
func (c *Container) Indexed() bool { return !strings.EqualFold(c.policy().IndexingMode, "none") }

// Sortable refuses an ORDER BY that the container's index cannot serve: one path must be indexed, several need a
// composite index of the same paths in the same order, with all directions the same or all the other way.
func (c *Container) Sortable(orders []dialect.Order) error {
	if len(orders) == 0 {
		return nil
	}
	policy := c.policy()
	if strings.EqualFold(policy.IndexingMode, "none") {
		return Refuse(400, 0, "The order by query cannot be served: the container has no index.")
	}
	if len(orders) == 1 {
		if policy.includes(orders[0].Path) {
			return nil
		}
		return Refuse(400, 0, "The index path corresponding to the specified order-by item is excluded: /%s.", strings.Join(orders[0].Path, "/"))
	}
	serves := func(index []compositeMember) bool { return compositeServes(index, orders) }
	if slices.ContainsFunc(policy.CompositeIndexes, serves) {
		return nil
	}
	return Refuse(400, 0, "The order by query does not have a corresponding composite index that it can be served from.")
}

func compositeServes(index []compositeMember, orders []dialect.Order) bool {
	if len(index) != len(orders) {
		return false
	}
	same, opposite := true, true
	for i, member := range index {
		path, err := splitPath(member.Path)
		if err != nil || !slices.Equal(path, orders[i].Path) {
			return false
		}
		if strings.EqualFold(member.Order, "descending") == orders[i].Descending {
			opposite = false
		} else {
			same = false
		}
	}
	return same || opposite
}

// includes says whether a path is indexed: by the most precise of the policy's paths that match it. What the policy
// does not speak of is indexed, as are id and _ts always.
func (p indexingPolicy) includes(path []string) bool {
	if len(path) == 1 && (path[0] == "id" || path[0] == "_ts") {
		return true
	}
	return precision(p.IncludedPaths, path) >= precision(p.ExcludedPaths, path)
}

// precision is how many names the most precise match has, with half a name more for one that ends there; -1 is none.
func precision(paths []indexPath, path []string) (most float64) {
	most = -1
	for _, p := range paths {
		names := strings.Split(strings.TrimPrefix(p.Path, "/"), "/")
		last := len(names) - 1
		for i := range names {
			names[i] = strings.Trim(names[i], `"`)
		}
		switch names[last] {
		case "*":
			if last <= len(path) && slices.Equal(names[:last], path[:last]) {
				most = max(most, float64(last))
			}
		case "?":
			if slices.Equal(names[:last], path) {
				most = max(most, float64(last)+0.5)
			}
		}
	}
	return most
}
