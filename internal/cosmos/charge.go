package cosmos

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// Charge is what the requests of one kind have cost.
type Charge struct {
	Container string  `json:"container"` // "" for the account and its databases
	Operation string  `json:"operation"` // create, read, replace, upsert, delete, patch, batch, query, changes, manage
	Requests  int64   `json:"requests"`  // that were answered, those sent again included
	Throttled int64   `json:"throttled"` // of them, with 429
	Units     float64 `json:"units"`     // request units
}

// charges counts the answers of one client. It is a policy that sees each.
type charges struct {
	mu sync.Mutex
	by map[[2]string]*Charge
}

// Do implements policy.Policy.
func (c *charges) Do(request *policy.Request) (*http.Response, error) {
	response, err := request.Next()
	if err == nil {
		c.count(request.Raw(), response)
	}
	return response, err
}

func (c *charges) count(request *http.Request, response *http.Response) {
	units, _ := strconv.ParseFloat(response.Header.Get("x-ms-request-charge"), 64) // none is 0
	container, operation := kindOf(request)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.by == nil {
		c.by = map[[2]string]*Charge{}
	}
	sum := c.by[[2]string{container, operation}]
	if sum == nil {
		sum = &Charge{Container: container, Operation: operation}
		c.by[[2]string{container, operation}] = sum
	}
	sum.Requests++
	sum.Units += units
	if response.StatusCode == http.StatusTooManyRequests {
		sum.Throttled++
	}
}

func (c *charges) list() []Charge {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []Charge
	for _, sum := range c.by {
		all = append(all, *sum)
	}
	slices.SortFunc(all, func(a, b Charge) int {
		return cmp.Or(strings.Compare(a.Container, b.Container), strings.Compare(a.Operation, b.Operation))
	})
	return all
}

// kindOf is the container that a request is for and what it does there.
func kindOf(r *http.Request) (container, operation string) {
	// dbs/DATABASE/colls/CONTAINER/docs/ID
	path := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(path) > 3 {
		container = path[3]
	}
	if len(path) < 5 || path[4] != "docs" {
		return container, "manage"
	}
	h := r.Header
	switch r.Method {
	case http.MethodGet:
		if h.Get("A-IM") != "" {
			return container, "changes"
		}
		return container, "read"
	case http.MethodPut:
		return container, "replace"
	case http.MethodDelete:
		return container, "delete"
	case http.MethodPatch:
		return container, "patch"
	}
	for header, operation := range map[string]string{
		"x-ms-cosmos-is-batch-request": "batch", "x-ms-documentdb-query": "query", "x-ms-documentdb-is-upsert": "upsert",
	} {
		if strings.EqualFold(h.Get(header), "true") {
			return container, operation
		}
	}
	return container, "create"
}
