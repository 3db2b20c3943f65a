package store

import (
	"strings"
	"time"
)

// Kind is what an Operation does.
type Kind string

// The kinds of operations, named as in a batch.
const (
	Create  Kind = "Create"
	Read    Kind = "Read"
	Replace Kind = "Replace"
	Upsert  Kind = "Upsert"
	Delete  Kind = "Delete"
	Patch   Kind = "Patch"
)

// Operation is one step of a transaction.
type Operation struct {
	Kind        Kind
	ID          string // not for Create and Upsert
	Body        []byte // for Create, Replace and Upsert
	IfMatch     string
	IfNoneMatch string
	// Edit changes an item's JSON, for Patch. Its error should be a *Refusal.
	Edit func(body []byte) ([]byte, error)
}

// Result is what became of one Operation.
type Result struct {
	Status  int
	Refusal *Refusal // nil where it was done
	Item    *Item    // what was read or written; nil where it was deleted or refused
	Was     int      // the size of what was there before, in bytes
}

// Outcome is what became of a transaction.
type Outcome struct {
	Results []Result
	Range   *Range
	LSN     int64 // of the physical partition, after it
}

// Failed is the index of the operation that was refused, -1 if all were done.
func (o Outcome) Failed() int {
	for i, r := range o.Results {
		if r.Refusal != nil && r.Status != 424 {
			return i
		}
	}
	return -1
}

// transaction is operations under way: what they have written so far is seen by those that follow, and by nobody else.
type transaction struct {
	container *Container
	r         *Range
	key       Key
	now       time.Time
	written   map[string]*Item // by id; nil is deleted
	order     []string         // the ids in written, in the order of their first write
	bytes     int              // of the items that were read or written
}

// Apply does operations on the items of one key, all of them or none: where one is refused, the others have status 424.
func (c *Container) Apply(key Key, operations []Operation) Outcome {
	r := c.RangeOf(key)
	t := &transaction{container: c, r: r, key: key, now: c.store.clock()}
	out := Outcome{Range: r, Results: make([]Result, len(operations))}
	if onlyReads(operations) {
		r.mu.RLock()
		defer r.mu.RUnlock()
	} else {
		r.mu.Lock()
		defer r.mu.Unlock()
	}
	refused := -1
	for i, op := range operations {
		out.Results[i] = t.do(op)
		if out.Results[i].Refusal != nil {
			refused = i
			break
		}
	}
	if refused < 0 && len(t.written) > 0 {
		if err := t.commit(); err != nil {
			out.Results[0] = Result{Status: 500, Refusal: Refuse(500, 0, "%v", err)}
			refused = 0
		}
	}
	for i := range out.Results {
		if refused >= 0 && i != refused {
			out.Results[i] = Result{Status: 424, Refusal: Refuse(424, 0, "Another operation of the batch was refused.")}
		}
	}
	out.LSN = r.lsn
	return out
}

func onlyReads(operations []Operation) bool {
	for _, op := range operations {
		if op.Kind != Read {
			return false
		}
	}
	return true
}

func (t *transaction) get(id string) *Item {
	if item, ok := t.written[id]; ok {
		return item
	}
	return t.r.get(t.key, id, t.now)
}

func (t *transaction) put(id string, item *Item) {
	if t.written == nil {
		t.written = map[string]*Item{}
	}
	if _, ok := t.written[id]; !ok {
		t.order = append(t.order, id)
	}
	t.written[id] = item
}

// do is one operation.
func (t *transaction) do(op Operation) Result {
	result, err := t.try(op)
	if result.Item != nil {
		t.bytes += len(result.Item.Body)
	}
	if err == nil && t.bytes > maxTransactionBytes {
		err = Refuse(413, 0, "The operations of a batch may read and write %d bytes of items.", maxTransactionBytes)
	}
	if err == nil {
		return result
	}
	refusal, ok := err.(*Refusal) //nolint:errorlint // the store's own, never wrapped
	if !ok {
		refusal = Refuse(400, 0, "%v", err)
	}
	return Result{Status: refusal.Status, Refusal: refusal}
}

func (t *transaction) try(op Operation) (Result, error) {
	if op.Kind == Create || op.Kind == Upsert {
		return t.write(op)
	}
	was := t.get(op.ID)
	if was == nil {
		return Result{}, Refuse(404, 0, "Entity with the specified id does not exist in the system.")
	}
	if op.Kind == Read {
		if op.IfNoneMatch != "" && matches(op.IfNoneMatch, was.ETag) {
			return Result{Status: 304, Item: was}, nil
		}
		return Result{Status: 200, Item: was}, nil
	}
	if !matches(op.IfMatch, was.ETag) || op.IfNoneMatch != "" && matches(op.IfNoneMatch, was.ETag) {
		return Result{}, preconditionFailed()
	}
	switch op.Kind {
	case Delete:
		t.put(op.ID, nil)
		return Result{Status: 204, Was: len(was.Body)}, nil
	case Patch:
		body, err := op.Edit(was.Body)
		if err != nil {
			return Result{}, err
		}
		op.Body = body
	}
	return t.overwrite(was, op)
}

// overwrite puts a new version in the place of an item.
func (t *transaction) overwrite(was *Item, op Operation) (Result, error) {
	doc, err := t.parse(op.Body)
	if err != nil {
		return Result{}, err
	}
	if doc.id != was.ID {
		return Result{}, Refuse(400, 0, "The id of an item cannot be changed.")
	}
	item := t.version(doc, was.Seq)
	return Result{Status: 200, Item: item, Was: len(was.Body)}, nil
}

// write is Create and Upsert.
func (t *transaction) write(op Operation) (Result, error) {
	doc, err := t.parse(op.Body)
	if err != nil {
		return Result{}, err
	}
	was := t.get(doc.id)
	switch {
	case was == nil: // an upsert's If-Match counts only where there is something
		item := t.version(doc, t.container.nextSeq.Add(1))
		return Result{Status: 201, Item: item}, nil
	case op.Kind == Create:
		return Result{}, Refuse(409, 0, "Entity with the specified id already exists in the system.")
	case !matches(op.IfMatch, was.ETag), op.IfNoneMatch != "" && matches(op.IfNoneMatch, was.ETag):
		return Result{}, preconditionFailed()
	}
	item := t.version(doc, was.Seq)
	return Result{Status: 200, Item: item, Was: len(was.Body)}, nil
}

// parse reads an item and compares its partition key with that of the request.
func (t *transaction) parse(body []byte) (document, error) {
	doc, err := parseDocument(body, t.container.Paths)
	if err != nil {
		return doc, err
	}
	key, err := t.container.Key(doc.values)
	if err != nil {
		return doc, err
	}
	if key.text != t.key.text {
		return doc, Refuse(400, 1001, "PartitionKey extracted from document doesn't match the one specified in the header.")
	}
	return doc, nil
}

// version makes the next version of an item and keeps it for the commit.
func (t *transaction) version(doc document, seq uint64) *Item {
	item := &Item{ID: doc.id, LSN: t.r.lsn + 1, TS: t.now.Unix(), ETag: t.container.store.newETag(), Seq: seq, ttl: doc.ttl}
	item.Body = doc.seal(t.container, seq, item.ETag, item.TS)
	t.put(doc.id, item)
	return item
}

// commit writes the journal and makes everything visible.
func (t *transaction) commit() error {
	if t.container.store.journal != nil {
		if err := t.container.store.journal.append(t.record()); err != nil {
			return err
		}
	}
	t.r.lsn++
	for _, id := range t.order {
		t.r.set(t.key, id, t.written[id])
	}
	t.r.tidy(t.now)
	return nil
}

// set installs a version, or removes the item where it is nil; the lock is held.
func (r *Range) set(key Key, id string, item *Item) {
	if item != nil {
		r.install(key, item)
		return
	}
	if p := r.keys[key.text]; p != nil && p.slots[id] != nil {
		r.remove(p, p.slots[id])
	}
}

// OddID says whether the service's gateway can create an item of that id but not address it afterwards: it answers
// 401, as the path it signs is not the one that the client has signed, or 400.
func OddID(id string) (status int) {
	if strings.ContainsAny(id, "\r\n\t") {
		return 400
	}
	if strings.ContainsAny(id, `/\#`) || strings.HasSuffix(id, " ") {
		return 401
	}
	for i := 0; i+2 < len(id); i++ {
		if id[i] == '%' && isHex(id[i+1]) && isHex(id[i+2]) {
			return 401
		}
	}
	return 0
}

func isHex(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F'
}
