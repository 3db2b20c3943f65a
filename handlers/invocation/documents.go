package invocation

import (
	"encoding/json"
	"fmt"
	"log/slog"
)

// Documents is what changed in a container of Cosmos DB, in the order of the
// change feed. The host tells neither the container nor the feed range.
type Documents struct {
	Items []json.RawMessage
	Retry Retry
}

// DecodeDocuments decodes an invocation of a function whose trigger is named
// "documents". The body is written over, and the documents point into it.
func DecodeDocuments(body []byte) (Documents, error) {
	w, err := parse(body)
	if err != nil {
		return Documents{}, err
	}
	value, err := w.binding("documents")
	if err != nil {
		return Documents{}, err
	}
	for isString(value) && err == nil { // a string that holds a string that holds the array
		value, err = unquote(value)
	}
	var items [][]byte
	if err == nil {
		items, err = elements(value)
	}
	if err != nil {
		return Documents{}, fmt.Errorf("invocation: Data.documents: %w", err)
	}
	d := Documents{Items: make([]json.RawMessage, len(items))}
	for i, item := range items {
		if item[0] != '{' {
			return Documents{}, fmt.Errorf("invocation: document %d of %d is no object", i+1, len(items))
		}
		d.Items[i] = item
	}
	if d.Retry, err = w.retry(); err != nil {
		return Documents{}, err
	}
	return d, nil
}

func (d Documents) lane() string { return "" }

func (d Documents) attributes() []slog.Attr {
	return append([]slog.Attr{slog.Int("documents", len(d.Items))}, d.Retry.attributes()...)
}

func (d Documents) summary() string { return fmt.Sprintf("%d documents", len(d.Items)) }
