package cosmosemulator

import (
	"encoding/base64"
	"encoding/json"
	"hash/fnv"
	"strconv"

	"github.com/keywarden/keywarden/internal/cosmosemulator/store"
)

// Bounds of a page.
const (
	defaultPage = 100     // items
	dynamicPage = 1000    // items, where the client leaves it to the service with -1
	maxPage     = 4 << 20 // bytes
)

// pageSize reads how many items the client wants.
func (c *call) pageSize() (int, error) {
	header := c.header("x-ms-max-item-count")
	if header == "" {
		return defaultPage, nil
	}
	n, err := strconv.Atoi(header)
	if err != nil || n == 0 || n < -1 {
		return 0, store.Refuse(400, 0, "x-ms-max-item-count %.40q is not allowed: a positive number or -1.", header)
	}
	if n == -1 {
		n = dynamicPage
	}
	return n, nil
}

// A cursor is where a query goes on: after an item of a physical partition, or at an offset in results that are sorted
// or aggregated. Changes between two pages can move such results.
type cursor struct {
	Query  string `json:"q"` // of which query in which container; another one is refused
	Range  int    `json:"r,omitempty"`
	After  uint64 `json:"a,omitempty"`
	Offset int    `json:"o,omitempty"`
	Waited bool   `json:"w,omitempty"` // the empty page before this one was sent
}

// cursor reads the continuation token.
func (c *call) cursor(query string) (cursor, error) {
	start := cursor{Query: query}
	token := c.header("x-ms-continuation")
	if token == "" {
		return start, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(token)
	var at cursor
	if err != nil || json.Unmarshal(text, &at) != nil || at.Range < 0 || at.Offset < 0 {
		return start, store.Refuse(400, 0, "Invalid continuation token.")
	}
	if at.Query != query {
		return start, store.Refuse(400, 0, "Invalid continuation token: it is of another query or container.")
	}
	return at, nil
}

// String is the continuation token.
func (c cursor) String() string {
	text, err := json.Marshal(c)
	if err != nil {
		panic(err) // of numbers and a string
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// nameQuery tells queries of containers apart.
func nameQuery(container, text string, params []byte) string {
	h := fnv.New64a()
	for _, part := range []string{container, "\x00", text, "\x00", string(params)} {
		_, _ = h.Write([]byte(part)) // never fails
	}
	return strconv.FormatUint(h.Sum64(), 36)
}
