package cosmosemulator

import (
	"encoding/json"
	"strings"

	"github.com/keywarden/keywarden/internal/cosmosemulator/store"
)

// maxOperations is how many operations a transactional batch may have.
const maxOperations = 100

// batchStep is one operation as it stands in a batch.
type batchStep struct {
	Type        string          `json:"operationType"`
	ID          string          `json:"id"`
	Body        json.RawMessage `json:"resourceBody"`
	IfMatch     string          `json:"ifMatch"`
	IfNoneMatch string          `json:"ifNoneMatch"`
}

// batchResult is what became of it.
type batchResult struct {
	StatusCode    int             `json:"statusCode"`
	SubStatusCode int             `json:"subStatusCode,omitempty"`
	RequestCharge float64         `json:"requestCharge"`
	ETag          string          `json:"eTag,omitempty"`
	ResourceBody  json.RawMessage `json:"resourceBody,omitempty"`
	Message       string          `json:"message,omitempty"`
}

// batch does the operations of a transactional batch, all or none.
func (s *Server) batch(c *call) (*answer, error) {
	container, key, err := s.where(c)
	if err != nil {
		return nil, err
	}
	if atomic := c.header("x-ms-cosmos-batch-atomic"); atomic != "" && !strings.EqualFold(atomic, "true") {
		return nil, store.Refuse(400, 0, "Batches that are not atomic are not supported by this stand-in.")
	}
	body, err := c.body(maxBatch)
	if err != nil {
		return nil, err
	}
	var steps []batchStep
	if json.Unmarshal(body, &steps) != nil || len(steps) == 0 {
		return nil, store.Refuse(400, 0, "The batch cannot be read: it is a JSON array of operations, with at least one.")
	}
	if len(steps) > maxOperations {
		return nil, store.Refuse(400, 0, "Batch request has %d operations, more than the %d that are supported.", len(steps), maxOperations)
	}
	operations := make([]store.Operation, len(steps))
	for i, step := range steps {
		if operations[i], err = step.operation(container); err != nil {
			return nil, err
		}
	}
	outcome := container.Apply(key, operations)
	return c.batchAnswer(container, operations, outcome)
}

func (step batchStep) operation(container *store.Container) (store.Operation, error) {
	op := store.Operation{Kind: store.Kind(step.Type), ID: step.ID, Body: step.Body, IfMatch: step.IfMatch, IfNoneMatch: step.IfNoneMatch}
	var err error
	switch op.Kind {
	case store.Create, store.Upsert, store.Read, store.Delete, store.Replace:
	case store.Patch:
		op.Edit, err = editor(step.Body, container.Paths)
	default:
		err = store.Refuse(400, 0, "Batch operation type %.40q is not known: Create, Read, Replace, Upsert, Delete or Patch.", step.Type)
	}
	return op, err
}

func (c *call) batchAnswer(container *store.Container, operations []store.Operation, outcome store.Outcome) (*answer, error) {
	a := &answer{status: 200}
	if outcome.Failed() >= 0 {
		a.status = 207
	}
	minimal := strings.EqualFold(c.header("Prefer"), "return=minimal")
	indexed := container.Indexed()
	results := make([]batchResult, len(operations))
	for i, r := range outcome.Results {
		results[i] = batchResult{StatusCode: r.Status, RequestCharge: charge(r, indexed)}
		a.charge += results[i].RequestCharge
		if r.Refusal != nil {
			results[i].SubStatusCode, results[i].Message = r.Refusal.SubStatus, r.Refusal.Message
		}
		if r.Item != nil {
			results[i].ETag = r.Item.ETag
			if !minimal || operations[i].Kind == store.Read {
				results[i].ResourceBody = r.Item.Body
			}
		}
	}
	a.charge = round(a.charge)
	c.setPlace(a, outcome)
	var err error
	a.body, err = json.Marshal(results)
	return a, err
}
