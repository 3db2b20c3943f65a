package cosmosemulator

import (
	"errors"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/keywarden/keywarden/internal/cosmosemulator/dialect"
	"github.com/keywarden/keywarden/internal/cosmosemulator/patch"
	"github.com/keywarden/keywarden/internal/cosmosemulator/store"
)

// Limits of request bodies, in bytes.
const (
	maxMetadata = 256 << 10
	maxQuery    = 512 << 10
	maxBatch    = 2 << 20
	maxBody     = store.MaxItemBytes
	drain       = 32 << 20 // what is read of a body that is refused, so that the client gets to read why
)

// body reads the request's body up to a limit.
func (c *call) body(limit int64) ([]byte, error) {
	size := c.request.ContentLength
	if size > limit {
		_, _ = io.CopyN(io.Discard, c.request.Body, drain)
		return nil, store.Refuse(413, 0, "Request size is too large: %d bytes, the most are %d.", size, limit)
	}
	var b []byte
	var err error
	if size >= 0 {
		b = make([]byte, size)
		_, err = io.ReadFull(c.request.Body, b)
	} else {
		b, err = io.ReadAll(io.LimitReader(c.request.Body, limit+1))
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, store.Refuse(408, 0, "The request's body did not arrive in time.")
	}
	if err != nil {
		return nil, store.Refuse(400, 0, "The request's body cannot be read.")
	}
	if int64(len(b)) > limit {
		_, _ = io.CopyN(io.Discard, c.request.Body, drain)
		return nil, store.Refuse(413, 0, "Request size is too large: the most are %d bytes.", limit)
	}
	return b, nil
}

func (s *Server) itemHandlers(feed bool) map[string]func(*call) (*answer, error) {
	if feed {
		return map[string]func(*call) (*answer, error){"Create": s.item, "Upsert": s.item, "Batch": s.batch, "Query": s.query,
			"List": s.query, "ChangeFeed": s.changeFeed}
	}
	return map[string]func(*call) (*answer, error){"Read": s.item, "Replace": s.item, "Patch": s.item, "Delete": s.item}
}

// where finds the container and the partition key of a request for items.
func (s *Server) where(c *call) (*store.Container, store.Key, error) {
	container, err := s.owner(c)
	if err != nil {
		return nil, store.Key{}, err
	}
	header := c.header("x-ms-documentdb-partitionkey")
	if header == "" {
		return nil, store.Key{}, store.Refuse(400, 0, "PartitionKey value must be supplied for this operation.")
	}
	key, err := container.ParseKey(header)
	return container, key, err
}

// owner is the container that a request for what is in it names.
func (s *Server) owner(c *call) (*store.Container, error) {
	container, err := s.store.Container(c.database, c.container)
	var r *store.Refusal
	if errors.As(err, &r) && r.Status == 404 {
		return nil, store.Refuse(404, 1003, "Owner resource does not exist")
	}
	if err != nil {
		return nil, err
	}
	for _, header := range []string{"x-ms-documentdb-pre-trigger-include", "x-ms-documentdb-post-trigger-include"} {
		if c.header(header) != "" {
			return nil, store.Refuse(400, 0, "Triggers are not supported by this stand-in.")
		}
	}
	return container, s.checkConsistency(c)
}

// item is one operation on one item.
func (s *Server) item(c *call) (*answer, error) {
	container, key, err := s.where(c)
	if err != nil {
		return nil, err
	}
	op := store.Operation{Kind: store.Kind(c.kind()), ID: c.item, IfMatch: c.header("If-Match"), IfNoneMatch: c.header("If-None-Match")}
	switch op.Kind {
	case store.Read:
		if err := c.checkSession(container.RangeOf(key)); err != nil {
			return nil, err
		}
	case store.Delete:
	default:
		if op.Body, err = c.body(maxBody); err != nil {
			return nil, err
		}
	}
	if op.Kind == store.Patch {
		if op.Edit, err = editor(op.Body, container.Paths); err != nil {
			return nil, err
		}
	}
	outcome := container.Apply(key, []store.Operation{op})
	result := outcome.Results[0]
	if result.Refusal != nil {
		return nil, result.Refusal
	}
	a := &answer{status: result.Status, charge: charge(result, container.Indexed())}
	c.setPlace(a, outcome)
	if result.Item != nil {
		a.set("etag", result.Item.ETag)
		a.set("x-ms-item-lsn", strconv.FormatInt(result.Item.LSN, 10))
		if op.Kind == store.Read || !strings.EqualFold(c.header("Prefer"), "return=minimal") {
			a.body = result.Item.Body
		}
	}
	return a, nil
}

// editor makes of a patch request what changes an item's JSON.
func editor(body []byte, keys [][]string) (func([]byte) ([]byte, error), error) {
	p, err := patch.Parse(body, keys)
	if err != nil {
		return nil, badRequest(err)
	}
	var condition *dialect.Query
	if p.Condition != "" {
		if condition, err = dialect.ParseCondition(p.Condition); err != nil {
			return nil, badRequest(err)
		}
	}
	return func(item []byte) ([]byte, error) {
		if condition != nil {
			ok, err := holds(condition, item)
			if err != nil {
				return nil, badRequest(err)
			}
			if !ok {
				return nil, store.Refuse(412, 0, "The condition of the patch does not hold.")
			}
		}
		changed, err := p.Apply(item)
		if err != nil {
			return nil, badRequest(err)
		}
		return changed, nil
	}, nil
}

func badRequest(err error) error { return store.Refuse(400, 0, "%v", err) }

// holds says whether an item meets a patch's condition.
func holds(condition *dialect.Query, item []byte) (bool, error) {
	doc, err := decode(item)
	if err != nil {
		return false, err
	}
	_, ok, err := condition.Match(doc, nil)
	return ok, err
}
