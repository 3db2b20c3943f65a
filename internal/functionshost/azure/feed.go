package azure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/keywarden/keywarden/internal/functionshost/app"
	"github.com/keywarden/keywarden/internal/functionshost/clock"
	"github.com/keywarden/keywarden/internal/functionshost/trigger"
)

const (
	defaultPoll  = 5 * time.Second // feedPollDelay of the extension
	defaultItems = 100             // maxItemsPerInvocation
)

// feed is the change feed of a container as a source: its partitions are the
// container's feed ranges, its checkpoints their continuation tokens.
type feed struct {
	container *azcosmos.ContainerClient
	name      string
	beginning bool
	poll      time.Duration
	items     int
	clock     clock.Clock
}

func (o Options) openFeed(t app.Binding, settings map[string]string) (*feed, error) {
	text, address, err := connection(t.Connection, "accountEndpoint", settings)
	if err != nil {
		return nil, err
	}
	client, err := o.account(t.Connection, text, address)
	if err != nil {
		return nil, err
	}
	container, err := client.NewContainer(t.Database, t.Container)
	if err != nil {
		return nil, fmt.Errorf("container %s/%s: %w", t.Database, t.Container, err)
	}
	f := &feed{container: container, name: t.Database + "/" + t.Container, beginning: t.StartFromBeginning, poll: defaultPoll, items: defaultItems, clock: o.Clock}
	if t.FeedPollDelay > 0 {
		f.poll = time.Duration(t.FeedPollDelay) * time.Millisecond
	}
	if t.MaxItems > 0 {
		f.items = t.MaxItems
	}
	return f, nil
}

// account connects with the key of a connection string, or with the host's credential.
func (o Options) account(setting, text, address string) (*azcosmos.Client, error) {
	if text == "" {
		credential, err := o.credential()
		if err != nil {
			return nil, err
		}
		client, err := azcosmos.NewClient(address, credential, &o.Cosmos)
		if err != nil {
			return nil, fmt.Errorf("connect to %s: %w", address, err)
		}
		return client, nil
	}
	parts := fields(text)
	key, err := azcosmos.NewKeyCredential(parts["accountkey"])
	if err != nil || parts["accountendpoint"] == "" {
		return nil, fmt.Errorf("the setting %s is no connection string of Cosmos DB: AccountEndpoint=…;AccountKey=…", setting)
	}
	client, err := azcosmos.NewClientWithKey(parts["accountendpoint"], key, &o.Cosmos)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", parts["accountendpoint"], err)
	}
	return client, nil
}

// Partitions is the feed ranges, written as "from-to".
func (f *feed) Partitions(ctx context.Context) ([]string, error) {
	ranges, err := f.container.ReadFeedRanges(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("read the feed ranges of %s: %w", f.name, err)
	}
	names := make([]string, len(ranges))
	for i, r := range ranges {
		names[i] = r.MinInclusive + "-" + r.MaxExclusive
	}
	return names, nil
}

// Open reads behind a continuation token. Without one it begins now, or with
// the oldest change where startFromBeginning says so.
func (f *feed) Open(_ context.Context, partition, checkpoint, _ string) (trigger.Reader, error) {
	from, until, ok := strings.Cut(partition, "-")
	if !ok {
		return nil, fmt.Errorf("%q is no feed range", partition)
	}
	r := &feedReader{feed: f, of: azcosmos.FeedRange{MinInclusive: from, MaxExclusive: until}, token: checkpoint}
	if checkpoint == "" && !f.beginning {
		now := time.Now().UTC()
		r.start = &now
	}
	return r, nil
}

// Behind reads one change without taking it.
func (f *feed) Behind(ctx context.Context, partition, checkpoint string) (bool, error) {
	reader, err := f.Open(ctx, partition, checkpoint, "")
	if err != nil {
		return false, err
	}
	if checkpoint == "" && !f.beginning {
		return true, nil // where it begins is not fixed yet
	}
	documents, _, err := reader.(*feedReader).page(ctx, 1)
	return len(documents) > 0, err
}

type feedReader struct {
	feed    *feed
	of      azcosmos.FeedRange
	token   string
	start   *time.Time
	emptied bool // the last page held nothing: the next is waited for
}

// Next polls until there are changes. The first empty page is a batch too: it
// fixes where the reading began.
func (r *feedReader) Next(ctx context.Context, limit int) (trigger.Batch, error) {
	for {
		if r.emptied {
			if err := r.feed.clock.Sleep(ctx, r.feed.poll); err != nil {
				return trigger.Batch{}, err
			}
		}
		documents, token, err := r.page(ctx, min(limit, r.feed.items))
		if err != nil {
			return trigger.Batch{}, err
		}
		first := r.token == ""
		r.token, r.emptied = token, len(documents) == 0
		if !r.emptied || first {
			return trigger.Batch{Documents: documents, Checkpoint: token}, nil
		}
	}
}

// page reads one page and the token behind it.
func (r *feedReader) page(ctx context.Context, limit int) ([]json.RawMessage, string, error) {
	options := &azcosmos.ChangeFeedOptions{MaxItemCount: int32(limit), FeedRange: &r.of, StartFrom: r.start}
	if r.token != "" {
		options.Continuation, options.StartFrom = &r.token, nil
	}
	page, err := r.feed.container.ReadChangeFeed(ctx, options)
	if err != nil {
		return nil, "", fmt.Errorf("read the change feed of %s: %w", r.feed.name, withoutBody(err))
	}
	documents := make([]json.RawMessage, len(page.Items))
	for i, item := range page.Items {
		documents[i] = item
	}
	return documents, page.ContinuationToken, nil
}

// withoutBody is the service's error as one line: the SDK's text holds whole answers.
func withoutBody(err error) error {
	var answer *azcore.ResponseError
	if errors.As(err, &answer) {
		return fmt.Errorf("status %d %s", answer.StatusCode, answer.ErrorCode)
	}
	return err
}

// Close has nothing to end.
func (r *feedReader) Close() {}
