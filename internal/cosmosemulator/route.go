package cosmosemulator

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/keywarden/keywarden/internal/cosmosemulator/store"
)

// target is what a path names.
type target struct {
	resource  string // dbs, colls, docs, pkranges, offers, "" for the account
	database  string
	container string
	item      string // of docs and offers; "" is the feed
	feed      bool   // the path names all of the kind, not one
	link      string // the resource link that is signed
}

// call is a request under way.
type call struct {
	target
	request *http.Request
	aad     bool // it came with an Entra ID token
}

// Sub-resources that the service has and this stand-in has not.
var unsupported = map[string]bool{
	"sprocs": true, "triggers": true, "udfs": true, "users": true, "permissions": true, "conflicts": true,
	"clientencryptionkeys": true, "attachments": true,
}

// parseTarget reads a path as it stands in the request line.
func parseTarget(escaped string) (target, error) {
	escaped = strings.Trim(escaped, "/")
	if escaped == "" {
		return target{}, nil
	}
	parts := strings.Split(escaped, "/")
	for i, p := range parts {
		plain, err := url.PathUnescape(p)
		if err != nil || plain == "" {
			return target{}, store.Refuse(400, 0, "The path cannot be read.")
		}
		parts[i] = plain
	}
	t := target{resource: parts[0]}
	if parts[0] == "offers" {
		return t.name(parts[1:])
	}
	if parts[0] != "dbs" {
		return target{}, noSuchPath()
	}
	if len(parts) <= 2 {
		return t.name(parts[1:])
	}
	t.database, t.link, t.resource = parts[1], "dbs/"+parts[1], parts[2]
	if t.resource != "colls" {
		return target{}, unknown(parts[2])
	}
	if len(parts) <= 4 {
		return t.name(parts[3:])
	}
	t.container, t.link, t.resource = parts[3], t.link+"/colls/"+parts[3], parts[4]
	switch {
	case t.resource == "docs" && len(parts) <= 6:
		return t.name(parts[5:])
	case t.resource == "pkranges" && len(parts) == 5:
		return t.name(nil)
	}
	return target{}, unknown(parts[4])
}

// name ends a target with the id that is left of the path, or none, which is the feed.
func (t target) name(rest []string) (target, error) {
	if len(rest) > 1 {
		return target{}, noSuchPath()
	}
	if len(rest) == 0 {
		t.feed = true
		return t, nil
	}
	id := rest[0]
	switch t.resource {
	case "dbs":
		t.database = id
	case "colls":
		t.container = id
	case "docs":
		t.item = id
	case "offers":
		t.item, t.link = id, strings.ToLower(id)
		return t, nil
	}
	t.link = strings.TrimPrefix(t.link+"/"+t.resource+"/"+id, "/")
	return t, nil
}

func noSuchPath() error { return store.Refuse(404, 0, "There is no resource at this path.") }

func unknown(resource string) error {
	if unsupported[resource] {
		return store.Refuse(400, 0, "%s are not supported by this stand-in.", resource)
	}
	return noSuchPath()
}

// accept reads the path and checks who asks.
func (s *Server) accept(r *http.Request) (*call, error) {
	t, err := parseTarget(r.URL.EscapedPath())
	if err != nil {
		return nil, err
	}
	c := &call{target: t, request: r}
	if c.aad, err = s.authenticate(r, t); err != nil {
		return nil, err
	}
	if c.aad && !c.dataPlane() {
		return nil, store.Refuse(403, 5300, "Request blocked by Auth: the given request [%s %s] cannot be authorized by AAD token in data plane.",
			r.Method, r.URL.EscapedPath())
	}
	if c.resource == "docs" && !c.feed && !s.anyID {
		switch store.OddID(c.item) {
		case 400:
			return nil, store.Refuse(400, 0, "The id of the item has control characters.")
		case 401:
			return nil, unauthorized("The input authorization token can't serve the request. The wrong key is being used or the expected payload is not built as per the protocol.")
		}
	}
	return c, nil
}

// dataPlane says whether an Entra ID token can be allowed to do it: data, and reading what clients must know for it.
func (c *call) dataPlane() bool {
	switch c.resource {
	case "docs", "pkranges", "":
		return true
	case "colls", "dbs":
		return c.request.Method == http.MethodGet && !c.feed
	}
	return false
}

// operation is the request for the scripts of faults.
func (c *call) operation() Operation {
	o := Operation{Verb: c.request.Method, Resource: c.resource, Database: c.database, Container: c.container, Item: c.item,
		Kind: c.kind(), Partition: c.header("x-ms-documentdb-partitionkey")}
	if o.Resource == "docs" && (o.Kind == "Create" || o.Kind == "Upsert") {
		o.Item = c.itsID()
	}
	return o
}

// itsID is the id of the item in the request's body, which can be read again.
func (c *call) itsID() string {
	b, err := io.ReadAll(io.LimitReader(c.request.Body, maxBody))
	c.request.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(b), c.request.Body), c.request.Body}
	var item struct {
		ID string `json:"id"`
	}
	if err != nil || json.Unmarshal(b, &item) != nil {
		return "" // it will be refused
	}
	return item.ID
}

func (c *call) header(name string) string { return c.request.Header.Get(name) }

func (c *call) flag(name string) bool { return strings.EqualFold(c.header(name), "true") }

// kind is what the request does.
func (c *call) kind() string {
	switch c.request.Method {
	case http.MethodPut:
		return "Replace"
	case http.MethodPatch:
		return "Patch"
	case http.MethodDelete:
		return "Delete"
	case http.MethodGet:
		switch {
		case c.header("A-IM") != "" && c.resource == "docs":
			return "ChangeFeed"
		case c.feed:
			return "List"
		}
		return "Read"
	}
	switch {
	case c.flag("x-ms-cosmos-is-batch-request"):
		return "Batch"
	case c.isQuery():
		return "Query"
	case c.flag("x-ms-documentdb-is-upsert"):
		return "Upsert"
	}
	return "Create"
}

func (c *call) isQuery() bool {
	return c.flag("x-ms-documentdb-query") || c.flag("x-ms-documentdb-isquery") ||
		strings.HasPrefix(c.header("Content-Type"), "application/query+json")
}

// handle does a request.
func (s *Server) handle(c *call) (*answer, error) {
	var handlers map[string]func(*call) (*answer, error)
	switch c.resource {
	case "":
		handlers = map[string]func(*call) (*answer, error){"Read": s.account}
	case "dbs":
		handlers = s.databaseHandlers(c.feed)
	case "colls":
		handlers = s.containerHandlers(c.feed)
	case "offers":
		handlers = s.offerHandlers(c.feed)
	case "pkranges":
		handlers = map[string]func(*call) (*answer, error){"List": s.partitionKeyRanges}
	case "docs":
		handlers = s.itemHandlers(c.feed)
	}
	handler := handlers[c.kind()]
	if handler == nil || !standardVerb(c.request.Method) {
		return nil, store.Refuse(405, 0, "The requested verb is not supported for this resource.")
	}
	return handler(c)
}

func standardVerb(verb string) bool {
	switch verb {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return true
	}
	return false
}
