package cosmosemulator

import (
	"encoding/json"
	"fmt"
	"iter"
	"strconv"

	"github.com/keywarden/keywarden/internal/cosmosemulator/dialect"
	"github.com/keywarden/keywarden/internal/cosmosemulator/epk"
	"github.com/keywarden/keywarden/internal/cosmosemulator/store"
)

// question is a parsed query with its parameters; query nil is everything.
type question struct {
	query  *dialect.Query
	params dialect.Params
	name   string // tells it apart
}

// question reads the body of a query; the list of all items has none.
func (c *call) question(owner string) (question, error) {
	if c.kind() == "List" {
		return question{name: nameQuery(owner, "", nil)}, nil
	}
	if c.flag("x-ms-cosmos-is-query-plan-request") {
		return question{}, store.Refuse(400, 0, "Query plans are not supported by this stand-in.")
	}
	body, err := c.body(maxQuery)
	if err != nil {
		return question{}, err
	}
	var wire struct {
		Query      string          `json:"query"`
		Parameters json.RawMessage `json:"parameters"`
	}
	if json.Unmarshal(body, &wire) != nil || wire.Query == "" {
		return question{}, store.Refuse(400, 0, "The query cannot be read: it is {\"query\":…,\"parameters\":[{\"name\":…,\"value\":…}]}.")
	}
	var parameters []struct {
		Name  string `json:"name"`
		Value any    `json:"value"`
	}
	if wire.Parameters != nil && json.Unmarshal(wire.Parameters, &parameters) != nil {
		return question{}, store.Refuse(400, 0, "The parameters of the query cannot be read.")
	}
	q := question{params: dialect.Params{}, name: nameQuery(owner, wire.Query, wire.Parameters)}
	for _, p := range parameters {
		q.params[p.Name] = p.Value
	}
	if q.query, err = dialect.Parse(wire.Query); err != nil {
		return question{}, badRequest(err)
	}
	return q, nil
}

// plain says whether the query only filters and projects, so that it can be answered item by item.
func (q question) plain() bool { return q.query == nil || q.query.Refusal() == "" }

// plan is where a query looks.
type plan struct {
	question
	container *store.Container
	ranges    []*store.Range
	key       *store.Key // nil is all keys of the ranges
	limit     int
}

// query answers one page of a query of items, or of all items.
func (s *Server) query(c *call) (*answer, error) {
	container, err := s.owner(c)
	if err != nil {
		return nil, err
	}
	q, err := c.question(container.RID)
	if err != nil {
		return nil, err
	}
	p := plan{question: q, container: container}
	if p.limit, err = c.pageSize(); err != nil {
		return nil, err
	}
	if err := p.place(c); err != nil {
		return nil, err
	}
	if q.query != nil {
		if err := container.Sortable(q.query.Orders()); err != nil {
			return nil, err
		}
	}
	at, err := c.cursor(q.name)
	if err != nil {
		return nil, err
	}
	if at.Range >= len(p.ranges) {
		return nil, store.Refuse(400, 0, "Invalid continuation token.")
	}
	if err := c.checkSession(p.ranges[at.Range]); err != nil {
		return nil, err
	}
	result, err := s.page(&p, at)
	if err != nil {
		return nil, err
	}
	return c.queryAnswer(&p, p.ranges[at.Range], result), nil
}

// place decides which partitions are asked, and refuses what the gateway cannot serve across them.
func (p *plan) place(c *call) error {
	if header := c.header("x-ms-documentdb-partitionkey"); header != "" && header != "[]" {
		key, err := p.container.ParseKey(header)
		if err != nil {
			return err
		}
		p.one(key)
		return nil
	}
	if p.query != nil {
		if values, ok := p.query.PartitionKey(p.container.Paths, p.params); ok {
			key, err := p.container.Key(plainValues(values))
			if err != nil {
				return err
			}
			p.one(key)
			return nil
		}
		if !p.plain() {
			return store.Refuse(400, 0, "The provided cross partition query can not be directly served by the gateway. "+
				"This is a first chance (internal) exception that all newer clients will know how to handle gracefully. "+
				"The query has %s: give the full partition key.", p.query.Refusal())
		}
	}
	p.ranges = p.container.Ranges
	if id := c.header("x-ms-documentdb-partitionkeyrangeid"); id != "" {
		r, err := rangeByID(p.container, id)
		if err != nil {
			return err
		}
		p.ranges = []*store.Range{r}
		return nil
	}
	if p.query != nil && !c.flag("x-ms-documentdb-query-enablecrosspartition") {
		return store.Refuse(400, 0, "Cross partition query is required but disabled. Please set x-ms-documentdb-query-enablecrosspartition to true, "+
			"specify x-ms-documentdb-partitionkey, or revise your query to avoid this exception.")
	}
	return nil
}

func (p *plan) one(key store.Key) {
	p.key, p.ranges = &key, []*store.Range{p.container.RangeOf(key)}
}

// plainValues are the values of a key as the store knows them.
func plainValues(values []any) []any {
	out := make([]any, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case json.Number:
			f, err := v.Float64()
			if err != nil {
				out[i] = epk.Undefined{}
				continue
			}
			out[i] = f
		case int:
			out[i] = float64(v)
		case int64:
			out[i] = float64(v)
		default:
			out[i] = v
		}
	}
	return out
}

// result is a page.
type result struct {
	documents [][]byte
	looked    int     // items that were read
	next      *cursor // nil is the end
}

// page answers one page.
func (s *Server) page(p *plan, at cursor) (result, error) {
	if s.config.EmptyPages && p.key == nil && !at.Waited {
		at.Waited = true
		return result{next: &at}, nil
	}
	at.Waited = false
	if p.plain() {
		return p.stream(at)
	}
	return p.sorted(at)
}

// stream answers item by item. Across partitions a page ends with its physical partition, and a full one always has a
// continuation, as the gateway does not look ahead.
func (p *plan) stream(at cursor) (result, error) {
	var out result
	size := 0
	for _, item := range p.ranges[at.Range].Items(at.After, p.key) {
		out.looked++
		document, ok, err := p.match(item)
		if err != nil {
			return out, err
		}
		if !ok {
			continue
		}
		if len(out.documents) == p.limit || size > maxPage {
			out.next = &at
			return out, nil
		}
		out.documents = append(out.documents, document)
		size += len(document)
		at.After = item.Seq
		if p.key == nil && len(out.documents) == p.limit {
			out.next = &at
			return out, nil
		}
	}
	if at.Range+1 < len(p.ranges) {
		out.next = &cursor{Query: at.Query, Range: at.Range + 1}
	}
	return out, nil
}

// match is what the query makes of one item.
func (p *plan) match(item *store.Item) ([]byte, bool, error) {
	if p.query == nil {
		return item.Body, true, nil
	}
	doc, err := decode(item.Body)
	if err != nil {
		return nil, false, err
	}
	projected, ok, err := p.query.Match(doc, p.params)
	if err != nil {
		return nil, false, badRequest(err)
	}
	if !ok {
		return nil, false, nil
	}
	if p.query.Whole() {
		return item.Body, true, nil
	}
	document, err := json.Marshal(projected)
	return document, true, err
}

// sorted answers from the whole result, of one partition key.
func (p *plan) sorted(at cursor) (result, error) {
	items := p.ranges[0].Items(0, p.key)
	all, err := p.query.Run(decodeAll(items), p.params)
	if err != nil {
		return result{}, badRequest(err)
	}
	out := result{looked: len(items)}
	size := 0
	for i := min(at.Offset, len(all)); i < len(all); i++ {
		if len(out.documents) == p.limit || size > maxPage {
			at.Offset = i
			out.next = &at
			break
		}
		document, err := json.Marshal(all[i])
		if err != nil {
			return out, fmt.Errorf("encode a result: %w", err)
		}
		out.documents = append(out.documents, document)
		size += len(document)
	}
	return out, nil
}

// decode reads an item for a query.
func decode(body []byte) (any, error) {
	var doc any
	if err := json.Unmarshal(body, &doc); err != nil {
		return nil, badRequest(err)
	}
	return doc, nil
}

// decodeAll reads items one after the other; one that cannot be read is none.
func decodeAll(items []*store.Item) iter.Seq[any] {
	return func(yield func(any) bool) {
		for _, item := range items {
			if doc, err := decode(item.Body); err == nil && !yield(doc) {
				return
			}
		}
	}
}

func (c *call) queryAnswer(p *plan, r *store.Range, out result) *answer {
	a := &answer{status: 200, body: feed(p.container.RID, "Documents", out.documents), charge: queryCharge}
	setRange(a, r, r.LSN())
	returned := 0
	for _, d := range out.documents {
		a.charge += readCharge(len(d)) / 2
		returned += len(d)
	}
	a.charge = round(a.charge)
	a.set("x-ms-item-count", strconv.Itoa(len(out.documents)))
	if out.next != nil {
		a.set("x-ms-continuation", out.next.String())
	}
	if c.flag("x-ms-documentdb-populatequerymetrics") {
		a.set("x-ms-documentdb-query-metrics", fmt.Sprintf("totalExecutionTimeInMs=0.00;queryCompileTimeInMs=0.00;retrievedDocumentCount=%d;"+
			"retrievedDocumentSize=0;outputDocumentCount=%d;outputDocumentSize=%d;indexUtilizationRatio=0.00", out.looked, len(out.documents), returned))
	}
	if c.flag("x-ms-cosmos-populateindexmetrics") {
		a.set("x-ms-cosmos-index-utilization", noIndexes)
	}
	return a
}

// noIndexes is {"UtilizedSingleIndexes":[],"PotentialSingleIndexes":[],"UtilizedCompositeIndexes":[],"PotentialCompositeIndexes":[]}
// in base64, as the service sends it: there are no indexes here.
const noIndexes = "eyJVdGlsaXplZFNpbmdsZUluZGV4ZXMiOltdLCJQb3RlbnRpYWxTaW5nbGVJbmRleGVzIjpbXSwiVXRpbGl6ZWRDb21wb3NpdGVJbmRleGVzIjpbXSwiUG90ZW50aWFsQ29tcG9zaXRlSW5kZXhlcyI6W119"

// list answers a list or query of databases, containers or offers.
func (c *call) list(owner, name string, documents [][]byte) (*answer, error) {
	q, err := c.question(owner + "/" + name)
	if err != nil {
		return nil, err
	}
	limit, err := c.pageSize()
	if err != nil {
		return nil, err
	}
	at, err := c.cursor(q.name)
	if err != nil {
		return nil, err
	}
	if q.query != nil {
		if documents, err = q.filter(documents); err != nil {
			return nil, err
		}
	}
	from := min(at.Offset, len(documents))
	to := min(from+limit, len(documents))
	a := &answer{status: 200, charge: metadataCharge, body: feed(owner, name, documents[from:to])}
	a.set("x-ms-item-count", strconv.Itoa(to-from))
	if to < len(documents) {
		at.Offset = to
		a.set("x-ms-continuation", at.String())
	}
	return a, nil
}

// filter runs a query over resources.
func (q question) filter(documents [][]byte) ([][]byte, error) {
	all, err := q.query.Run(func(yield func(any) bool) {
		for _, d := range documents {
			if doc, err := decode(d); err == nil && !yield(doc) {
				return
			}
		}
	}, q.params)
	if err != nil {
		return nil, badRequest(err)
	}
	out := make([][]byte, len(all))
	for i, v := range all {
		if out[i], err = json.Marshal(v); err != nil {
			return nil, fmt.Errorf("encode a result: %w", err)
		}
	}
	return out, nil
}
