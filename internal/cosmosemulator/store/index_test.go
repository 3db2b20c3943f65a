package store

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/keywarden/keywarden/internal/cosmosemulator/dialect"
)

func TestSortable(t *testing.T) {
	const some = `{"includedPaths":[{"path":"/a/?"},{"path":"/b/*"},{"path":"/\"c d\"/?"}],"excludedPaths":[{"path":"/*"},{"path":"/b/x/?"}],
		"compositeIndexes":[[{"path":"/a","order":"ascending"},{"path":"/b/y","order":"descending"}],[{"path":"/a"},{"path":"/b"},{"path":"/c"}]]}`
	tests := []struct {
		policy, order string
		served        bool
	}{
		{"", "c.a", true}, {"", "c.a.b DESC", true}, {"", "c.a, c.b", false}, {"", "c._etag", false},
		{`{"indexingMode":"none","automatic":false}`, "c.a", false},
		{`{"includedPaths":[],"excludedPaths":[]}`, "c.a", true},
		{some, "c.a", true}, {some, "c.a.deeper", false}, {some, "c.b", true}, {some, "c.b.x", false}, {some, "c.b.x.y", true}, {some, "c.b.y", true},
		{some, "c['c d']", true}, {some, "c.z", false}, {some, "c.id", true}, {some, "c._ts", true},
		{some, "c.a, c.b.y DESC", true}, {some, "c.a DESC, c.b.y", true}, {some, "c.a, c.b.y", false}, {some, "c.a DESC, c.b.y DESC", false}, {some, "c.b.y DESC, c.a", false},
		{some, "c.a, c.b, c.c", true}, {some, "c.a DESC, c.b DESC, c.c DESC", true}, {some, "c.a, c.b", false}, {some, "c.a DESC, c.b, c.c", false},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.policy, test.order), func(t *testing.T) {
			body := `{"id":"c","partitionKey":{"paths":["/pk"]}}`
			if test.policy != "" {
				body = `{"id":"c","partitionKey":{"paths":["/pk"]},"indexingPolicy":` + test.policy + `}`
			}
			s, err := Open(Config{})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.CreateDatabase("db", nil); err != nil {
				t.Fatal(err)
			}
			c, err := s.CreateContainer("db", []byte(body), nil)
			if err != nil {
				t.Fatal(err)
			}
			q, err := dialect.Parse("SELECT * FROM c ORDER BY " + test.order)
			if err != nil {
				t.Fatal(err)
			}
			err = c.Sortable(q.Orders())
			if refusal, _ := err.(*Refusal); (err == nil) != test.served || err != nil && refusal.Status != http.StatusBadRequest { //nolint:errorlint // never wrapped
				t.Errorf("it says %v, served should be %v", err, test.served)
			}
		})
	}
}
