package cosmos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"
)

// place is where a document is.
type place struct{ container, partition, id string }

func (p place) String() string { return p.container + "/" + p.partition + "/" + p.id }

// Answers about one document that its writer has to deal with.
var (
	errMissing = errors.New("no such document")
	errExists  = errors.New("the document is there already")
	errChanged = errors.New("the document was changed meanwhile")
)

// documentMost is how large a document may be.
const documentMost = 2 << 20

// get reads a document into v and returns its ETag, or errMissing.
func (c *Client) get(ctx context.Context, p place, v any) (azcore.ETag, error) {
	r, err := c.containers[p.container].ReadItem(ctx, azcosmos.NewPartitionKeyString(p.partition), p.id, nil)
	if err != nil {
		if missingItem(err) {
			return "", errMissing
		}
		return "", wrap("read "+p.String(), err)
	}
	if err := json.Unmarshal(r.Value, v); err != nil {
		return "", fmt.Errorf("cosmos: read %v: %w", p, err)
	}
	return r.ETag, nil
}

// put stores v as the document: a new one where etag is "", else in place of
// the one with that ETag. The error is errExists, errMissing or errChanged
// where the document is not as that says.
func (c *Client) put(ctx context.Context, p place, v any, etag azcore.ETag) (azcore.ETag, error) {
	data, err := encode(p, v)
	if err != nil {
		return "", err
	}
	partition := azcosmos.NewPartitionKeyString(p.partition)
	var r azcosmos.ItemResponse
	operation := "replace "
	if etag == "" {
		operation = "create "
		r, err = c.containers[p.container].CreateItem(ctx, partition, data, nil)
	} else {
		r, err = c.containers[p.container].ReplaceItem(ctx, partition, p.id, data, &azcosmos.ItemOptions{IfMatchEtag: &etag})
	}
	switch {
	case err == nil:
		return r.ETag, nil
	case statusOf(err) == http.StatusConflict:
		return "", errExists
	case statusOf(err) == http.StatusPreconditionFailed:
		return "", errChanged
	case etag != "" && missingItem(err):
		return "", errMissing
	}
	return "", wrap(operation+p.String(), err)
}

// set stores v as the document, whatever was there.
func (c *Client) set(ctx context.Context, p place, v any) error {
	data, err := encode(p, v)
	if err != nil {
		return err
	}
	_, err = c.containers[p.container].UpsertItem(ctx, azcosmos.NewPartitionKeyString(p.partition), data, nil)
	return wrap("upsert "+p.String(), err)
}

// drop deletes the document, if it is there.
func (c *Client) drop(ctx context.Context, p place) error {
	_, err := c.containers[p.container].DeleteItem(ctx, azcosmos.NewPartitionKeyString(p.partition), p.id, nil)
	if err == nil || missingItem(err) {
		return nil
	}
	return wrap("delete "+p.String(), err)
}

func encode(p place, v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("cosmos: encode %v: %w", p, err)
	}
	if len(data) > documentMost {
		return nil, fmt.Errorf("cosmos: %v takes %d bytes, and a document of Cosmos DB may take %d: please report this", p, len(data), documentMost)
	}
	return data, nil
}

// missingItem reports whether an answer says that there is no such document;
// not that its container is missing.
func missingItem(err error) bool {
	var answer *azcore.ResponseError
	return errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound && subStatus(answer) != ownerMissing
}

// ownerMissing is the sub-status of a 404 for a container or database that is not there.
const ownerMissing = "1003"
