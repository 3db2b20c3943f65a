package eventhub_test

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"
	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/eventhub"
	"github.com/keywarden/keywarden/internal/hubemulator/blobs"
)

func ownership(partition, owner string) azeventhubs.Ownership {
	return azeventhubs.Ownership{FullyQualifiedNamespace: "ns", EventHubName: "hub@2026-11-25T10:00:00.123Z", ConsumerGroup: "$Default", PartitionID: partition, OwnerID: owner}
}

func checkpoint(partition string, sequence int64) azeventhubs.Checkpoint {
	return azeventhubs.Checkpoint{FullyQualifiedNamespace: "ns", EventHubName: "hub@2026-11-25T10:00:00.123Z", ConsumerGroup: "$Default", PartitionID: partition,
		SequenceNumber: &sequence, Offset: new("7:1")}
}

func TestFiles_keep_to_the_contract_of_a_store(t *testing.T) {
	folder := t.TempDir()
	store, err := eventhub.OpenFiles(folder)
	if err != nil {
		t.Fatal(err)
	}
	keepsToTheContract(t, store)

	t.Run("the_next_process_finds_it", func(t *testing.T) {
		next, err := eventhub.OpenFiles(folder)
		if err != nil {
			t.Fatal(err)
		}
		got, err := next.ListCheckpoints(t.Context(), "ns", "hub@2026-11-25T10:00:00.123Z", "$Default", nil)
		if diff := cmp.Diff([]azeventhubs.Checkpoint{checkpoint("0", 43), checkpoint("1", 5)}, got); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	})
	t.Run("damage_is_an_error", func(t *testing.T) {
		var damaged string
		err := filepath.WalkDir(folder, func(path string, d os.DirEntry, err error) error {
			if err == nil && strings.HasSuffix(filepath.Dir(path), "checkpoint") {
				damaged = path
			}
			return err
		})
		if err != nil || os.WriteFile(damaged, []byte("{"), 0o600) != nil {
			t.Fatal(err)
		}
		if _, err := store.ListCheckpoints(t.Context(), "ns", "hub@2026-11-25T10:00:00.123Z", "$Default", nil); err == nil || !strings.Contains(err.Error(), damaged) {
			t.Errorf("%v", err)
		}
	})
}

func TestBlobs_keep_to_the_contract_of_a_store(t *testing.T) {
	server := httptest.NewServer(blobs.New(time.Now))
	defer server.Close()
	store, err := eventhub.OpenBlobs(t.Context(), server.URL+"/checkpoints", nil)
	if err != nil {
		t.Fatal(err)
	}
	keepsToTheContract(t, store)
	if _, err := eventhub.OpenBlobs(t.Context(), server.URL+"/checkpoints", nil); err != nil {
		t.Errorf("a container that is there: %v", err)
	}
}

func TestOpenBlobs_refuses_addresses(t *testing.T) {
	for name, address := range map[string]string{
		"nothing":      "",
		"no_container": "https://a.blob.core.windows.net/",
		"other":        "sqlite:x",
		"signature":    "https://a.blob.core.windows.net/c?sig=hidden",
		"user":         "https://u:hidden@a.blob.core.windows.net/c",
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := eventhub.OpenBlobs(t.Context(), address, nil); err == nil || strings.Contains(err.Error(), "hidden") {
				t.Errorf("%v", err)
			}
		})
	}
}

// keepsToTheContract is what the SDK's processor relies on.
func keepsToTheContract(t *testing.T, store azeventhubs.CheckpointStore) {
	t.Helper()
	ctx := t.Context()
	claim := func(o azeventhubs.Ownership) []azeventhubs.Ownership {
		t.Helper()
		got, err := store.ClaimOwnership(ctx, []azeventhubs.Ownership{o}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	owners := func() []azeventhubs.Ownership {
		t.Helper()
		got, err := store.ListOwnership(ctx, "ns", "hub@2026-11-25T10:00:00.123Z", "$Default", nil)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := owners(); len(got) != 0 {
		t.Fatalf("%+v", got)
	}
	first := claim(ownership("0", "a"))
	if len(first) != 1 || first[0].ETag == nil || first[0].LastModifiedTime.IsZero() || first[0].OwnerID != "a" {
		t.Fatalf("%+v", first)
	}
	if got := claim(ownership("0", "b")); len(got) != 0 {
		t.Errorf("claimed what another had claimed unseen: %+v", got)
	}
	wrong := first[0]
	wrong.OwnerID, wrong.ETag = "b", new(azcore.ETag("other"))
	if got := claim(wrong); len(got) != 0 {
		t.Errorf("claimed by a wrong tag: %+v", got)
	}
	stolen := first[0]
	stolen.OwnerID = "b"
	second := claim(stolen)
	if len(second) != 1 || *second[0].ETag == *first[0].ETag {
		t.Fatalf("%+v", second)
	}
	if got := claim(first[0]); len(got) != 0 {
		t.Errorf("claimed by an old tag: %+v", got)
	}
	listed := owners()
	if len(listed) != 1 || listed[0].OwnerID != "b" {
		t.Fatalf("%+v", listed)
	}
	if got := claim(listed[0]); len(got) != 1 {
		t.Error("the tag of the list does not claim")
	}
	for _, c := range []azeventhubs.Checkpoint{checkpoint("0", 42), checkpoint("1", 5), checkpoint("0", 43)} {
		if err := store.SetCheckpoint(ctx, c, nil); err != nil {
			t.Fatal(err)
		}
	}
	got, err := store.ListCheckpoints(ctx, "ns", "hub@2026-11-25T10:00:00.123Z", "$Default", nil)
	if diff := cmp.Diff([]azeventhubs.Checkpoint{checkpoint("0", 43), checkpoint("1", 5)}, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if got, err := store.ListCheckpoints(ctx, "ns", "hub", "$Default", nil); err != nil || len(got) != 0 {
		t.Errorf("of another hub: %+v, %v", got, err)
	}
	if err := store.SetCheckpoint(ctx, azeventhubs.Checkpoint{PartitionID: "0"}, nil); err == nil {
		t.Error("a checkpoint of no hub: no error")
	}
}
