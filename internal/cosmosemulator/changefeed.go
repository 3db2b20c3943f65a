package cosmosemulator

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/keywarden/keywarden/internal/cosmosemulator/store"
)

// changeFeed is one page of the incremental change feed of a physical partition, or of one partition key in it. The
// continuation is the etag of the answer, an LSN; 304 is the end for now.
func (s *Server) changeFeed(c *call) (*answer, error) {
	if !strings.EqualFold(c.header("A-IM"), "Incremental Feed") {
		return nil, store.Refuse(400, 0, "A-IM %.40q is not supported by this stand-in: Incremental Feed is.", c.header("A-IM"))
	}
	container, err := s.owner(c)
	if err != nil {
		return nil, err
	}
	r, key, err := c.feedRange(container)
	if err != nil {
		return nil, err
	}
	limit, err := c.pageSize()
	if err != nil {
		return nil, err
	}
	after, since, err := c.feedStart(r)
	if err != nil {
		return nil, err
	}
	items, next := r.Changes(after, since, key, limit, maxPage)
	a := &answer{status: http.StatusOK, charge: minCharge}
	a.set("etag", fmt.Sprintf(`"%d"`, next))
	setRange(a, r, r.LSN())
	if len(items) == 0 {
		a.status = http.StatusNotModified
		return a, nil
	}
	a.charge = 0
	documents := make([][]byte, len(items))
	for i, item := range items {
		documents[i] = withLSN(item)
		a.charge += readCharge(len(item.Body))
	}
	a.charge = round(a.charge)
	a.set("x-ms-item-count", strconv.Itoa(len(items)))
	a.body = feed(container.RID, "Documents", documents)
	return a, nil
}

// withLSN is an item as the change feed shows it.
func withLSN(item *store.Item) []byte {
	b := append([]byte(nil), item.Body[:len(item.Body)-1]...)
	return append(strconv.AppendInt(append(b, `,"_lsn":`...), item.LSN, 10), '}')
}

// feedRange finds the physical partition by its id or by a partition key.
func (c *call) feedRange(container *store.Container) (*store.Range, *store.Key, error) {
	var at *store.Range
	var key *store.Key
	if header := c.header("x-ms-documentdb-partitionkey"); header != "" && header != "[]" {
		k, err := container.ParseKey(header)
		if err != nil {
			return nil, nil, err
		}
		at, key = container.RangeOf(k), &k
	}
	if id := c.header("x-ms-documentdb-partitionkeyrangeid"); id != "" && at == nil {
		r, err := rangeByID(container, id)
		if err != nil {
			return nil, nil, err
		}
		at = r
	}
	if at == nil && len(container.Ranges) == 1 {
		at = container.Ranges[0]
	}
	if at == nil {
		return nil, nil, store.Refuse(400, 0, "The change feed of a container with several physical partitions is read from one of them or of one partition key.")
	}
	return at, key, nil
}

// rangeByID is the physical partition of that id. Ids may have the container's resource id before a comma.
func rangeByID(container *store.Container, id string) (*store.Range, error) {
	if i := strings.LastIndexByte(id, ','); i >= 0 {
		id = id[i+1:]
	}
	for _, r := range container.Ranges {
		if r.ID == id {
			return r, nil
		}
	}
	return nil, store.Refuse(410, 1002, "The partition key range %.40q is gone.", id)
}

// feedStart reads where to begin: after If-None-Match, * being now, else at If-Modified-Since, else at the beginning.
func (c *call) feedStart(r *store.Range) (after int64, since time.Time, err error) {
	since = time.Unix(0, 0)
	token := strings.Trim(c.header("If-None-Match"), `"`)
	switch {
	case token == "*":
		return r.LSN(), since, nil
	case token != "":
		after, err = strconv.ParseInt(token, 10, 64)
		if err != nil || after < 0 {
			return 0, since, store.Refuse(400, 0, "If-None-Match %.80q is no continuation of a change feed.", token)
		}
		return after, since, nil
	}
	header := c.header("If-Modified-Since")
	if header == "" {
		return 0, since, nil
	}
	for _, layout := range []string{time.RFC1123, http.TimeFormat, time.RFC3339Nano} {
		if at, err := time.Parse(layout, header); err == nil {
			return 0, at, nil
		}
	}
	return 0, since, store.Refuse(400, 0, "If-Modified-Since %.80q is no time of RFC 1123.", header)
}

// partitionKeyRanges lists the physical partitions, as a change feed that ends at once.
func (s *Server) partitionKeyRanges(c *call) (*answer, error) {
	container, err := s.owner(c)
	if err != nil {
		return nil, err
	}
	a := &answer{status: http.StatusOK, charge: minCharge}
	a.set("etag", `"1"`)
	if strings.Trim(c.header("If-None-Match"), `"`) == "1" {
		a.status = http.StatusNotModified
		return a, nil
	}
	documents := make([][]byte, len(container.Ranges))
	for i, r := range container.Ranges {
		documents[i] = fmt.Appendf(nil, `{"id":%q,"_rid":%q,"_etag":"\"1\"","minInclusive":%q,"maxExclusive":%q,"ridPrefix":%d,`+
			`"_self":"dbs/%s/pkranges/%s/","throughputFraction":%g,"status":"online","parents":[],"ownedArchivalPKRangeIds":[],"_ts":%d,"lsn":%d}`,
			r.ID, container.RID, r.Min, r.Max, i, container.RID, r.ID, 1/float64(len(container.Ranges)), container.Resource().TS, r.LSN())
	}
	a.set("x-ms-item-count", strconv.Itoa(len(documents)))
	a.body = feed(container.RID, "PartitionKeyRanges", documents)
	return a, nil
}
