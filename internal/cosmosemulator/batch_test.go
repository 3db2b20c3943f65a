package cosmosemulator_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"
	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/cosmosemulator"
)

func statuses(r azcosmos.TransactionalBatchResponse) (all []int) {
	for _, o := range r.OperationResults {
		all = append(all, int(o.StatusCode))
	}
	return all
}

func TestBatch_is_done_or_not_done(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{})
	c := a.container(t, byPK("c"))
	create(t, c, "old", "p", "n", 1)
	create(t, c, "gone", "p")
	stale := azcore.ETag(`"stale"`)
	tests := []struct {
		name string
		fill func(*azcosmos.TransactionalBatch)
		want []int
	}{
		{"conflict_at_the_end", func(b *azcosmos.TransactionalBatch) {
			b.CreateItem(item("new", "p"), nil)
			b.DeleteItem("gone", nil)
			b.ReplaceItem("old", item("old", "p", "n", 2), nil)
			b.CreateItem(item("old", "p"), nil)
		}, []int{424, 424, 424, 409}},
		{"stale_etag_first", func(b *azcosmos.TransactionalBatch) {
			b.ReplaceItem("old", item("old", "p", "n", 2), &azcosmos.TransactionalBatchItemOptions{IfMatchETag: &stale})
			b.CreateItem(item("new", "p"), nil)
		}, []int{412, 424}},
		{"missing", func(b *azcosmos.TransactionalBatch) {
			b.UpsertItem(item("new", "p"), nil)
			b.ReadItem("nobody", nil)
		}, []int{424, 404}},
		{"another_partition", func(b *azcosmos.TransactionalBatch) {
			b.CreateItem(item("new", "p"), nil)
			b.CreateItem(item("new2", "q"), nil)
		}, []int{424, 400}},
		{"patch_that_fails", func(b *azcosmos.TransactionalBatch) {
			b.CreateItem(item("new", "p"), nil)
			p := azcosmos.PatchOperations{}
			p.AppendSet("/n", 7)
			p.AppendRemove("/nothing")
			b.PatchItem("old", p, nil)
		}, []int{424, 400}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			b := c.NewTransactionalBatch(pk("p"))
			test.fill(&b)
			r, err := c.ExecuteTransactionalBatch(t.Context(), b, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, statuses(r)); diff != "" || r.Success || r.RawResponse.StatusCode != http.StatusMultiStatus {
				t.Errorf("status %d, success %v, statuses (-want +got):\n%s", r.RawResponse.StatusCode, r.Success, diff)
			}
			if read(t, c, "new", "p") != nil || read(t, c, "gone", "p") == nil || read(t, c, "old", "p")["n"] != 1.0 {
				t.Error("something of the batch is there")
			}
		})
	}
}

func TestBatch_sees_its_own_writes(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{})
	c := a.container(t, byPK("c"))
	b := c.NewTransactionalBatch(pk("p"))
	b.CreateItem(item("1", "p", "n", 1), nil)
	p := azcosmos.PatchOperations{}
	p.AppendIncrement("/n", 4)
	b.PatchItem("1", p, nil)
	b.ReadItem("1", nil)
	b.DeleteItem("1", nil)
	b.CreateItem(item("1", "p", "n", 9), nil)
	r, err := c.ExecuteTransactionalBatch(t.Context(), b, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]int{201, 200, 200, 204, 201}, statuses(r)); diff != "" || !r.Success {
		t.Fatalf("statuses (-want +got):\n%s", diff)
	}
	if got := decode(t, r.OperationResults[2].ResourceBody)["n"]; got != 5.0 {
		t.Errorf("the batch reads n = %v, want 5", got)
	}
	if got := read(t, c, "1", "p")["n"]; got != 9.0 {
		t.Errorf("afterwards n = %v, want 9", got)
	}
}

func TestBatch_limits(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{})
	c := a.container(t, byPK("c"))
	for operations, want := range map[int]int{100: 0, 101: 400} {
		t.Run(fmt.Sprint("operations_", operations), func(t *testing.T) {
			b := c.NewTransactionalBatch(pk("p"))
			for i := range operations {
				b.UpsertItem(item(fmt.Sprint(i), "p"), nil)
			}
			_, err := c.ExecuteTransactionalBatch(t.Context(), b, nil)
			if status(err) != want {
				t.Errorf("status %d (%v), want %d", status(err), err, want)
			}
		})
	}
	for bytes, want := range map[int]int{1 << 20: 0, 3 << 20: 413} {
		t.Run(fmt.Sprint("bytes_", bytes), func(t *testing.T) {
			b := c.NewTransactionalBatch(pk("p"))
			for i := range 4 {
				b.UpsertItem(item(fmt.Sprint("big", i), "p", "text", strings.Repeat("x", bytes/4)), nil)
			}
			_, err := c.ExecuteTransactionalBatch(t.Context(), b, nil)
			if status(err) != want {
				t.Errorf("status %d (%v), want %d", status(err), err, want)
			}
		})
	}
}

// A batch of reads is small, its answer is not.
func TestBatch_answers_no_more_than_fits(t *testing.T) {
	c := newAccount(t, cosmosemulator.Config{}).container(t, byPK("c"))
	create(t, c, "big", "p", "text", strings.Repeat("x", 1<<20))
	for reads, want := range map[int][]int{15: nil, 17: {424, 413}} {
		b := c.NewTransactionalBatch(pk("p"))
		b.CreateItem(item(fmt.Sprint("with", reads), "p"), nil)
		for range reads {
			b.ReadItem("big", nil)
		}
		r, err := c.ExecuteTransactionalBatch(t.Context(), b, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.Success != (want == nil) || want != nil && (statuses(r)[0] != want[0] || statuses(r)[16] != want[1]) {
			t.Errorf("%d reads of 1 MiB: success %v, statuses %v", reads, r.Success, statuses(r))
		}
		if done := read(t, c, fmt.Sprint("with", reads), "p") != nil; done != r.Success {
			t.Errorf("%d reads of 1 MiB: what was written is there: %v", reads, done)
		}
	}
}
