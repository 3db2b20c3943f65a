package cosmosemulator_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"
	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/cosmosemulator"
)

// childState, where set, makes this program the child that is killed: it writes items to that state.
const childState = "KEYWARDEN_TEST_COSMOS_STATE"

func TestMain(m *testing.M) {
	if dir := os.Getenv(childState); dir != "" {
		fmt.Fprintln(os.Stderr, writeForEver(dir))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeForEver prints the number of each batch when it is answered.
func writeForEver(dir string) error {
	server, err := cosmosemulator.New(cosmosemulator.Config{StateDir: dir})
	if err != nil {
		return err
	}
	credential, err := azcosmos.NewKeyCredential(cosmosemulator.EmulatorKey)
	if err != nil {
		return err
	}
	client, err := azcosmos.NewClientWithKey("http://child.test/", credential, options(&http.Client{Transport: server.Transport()}))
	if err != nil {
		return err
	}
	c, err := client.NewContainer("db", "c")
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		b := c.NewTransactionalBatch(pk("p"))
		for i := range 5 {
			b.UpsertItem(item(fmt.Sprint(i), "p", "n", n), nil)
		}
		if _, err := c.ExecuteTransactionalBatch(context.Background(), b, nil); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

func TestState_survives_a_kill(t *testing.T) {
	for i := range 4 {
		t.Run(fmt.Sprint("kill_", i), func(t *testing.T) {
			dir := t.TempDir()
			a := newAccount(t, cosmosemulator.Config{StateDir: dir})
			a.container(t, byPK("c"))
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			done := killAfter(t, dir, 20*(i+1))
			b := newAccount(t, cosmosemulator.Config{StateDir: dir})
			c, err := b.client.NewContainer("db", "c")
			if err != nil {
				t.Fatal(err)
			}
			found := int(read(t, c, "0", "p")["n"].(float64))
			if found != done && found != done+1 {
				t.Errorf("batch %d is found, want %d or the one that was under way", found, done)
			}
			for id := range 5 {
				if got := read(t, c, fmt.Sprint(id), "p")["n"]; got != float64(found) {
					t.Errorf("item %d is of batch %v, item 0 of %d", id, got, found)
				}
			}
		})
	}
}

// killAfter runs the child and kills it after so many batches. It returns the last that was answered.
func killAfter(t *testing.T, dir string, batches int) (done int) {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), childState+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, err := fmt.Sscan(lines.Text(), &done); err != nil {
			t.Fatal(err)
		}
		if done == batches {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || done < batches {
		t.Fatalf("the child ended by itself after %d batches: %v", done, err)
	}
	return done
}

// readText is an item of the partition p as it stands in the answer.
func readText(t *testing.T, c *azcosmos.ContainerClient, id string) string {
	t.Helper()
	r, err := c.ReadItem(t.Context(), pk("p"), id, nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(r.Value)
}

func TestState_survives_a_restart(t *testing.T) {
	dir, time0, ten := t.TempDir(), newClock(), int32(10)
	config := cosmosemulator.Config{StateDir: dir, Clock: time0.now, PartitionsPerContainer: 3}
	a := newAccount(t, config)
	c := a.container(t, byPK("c"))
	expiring := byPK("expiring")
	expiring.DefaultTimeToLive = &ten
	e := a.container(t, expiring)
	a.container(t, byPK("dropped"))
	create(t, e, "1", "p")
	for i := range 60 {
		create(t, c, fmt.Sprint(i), fmt.Sprint("p", i%5), "n", i)
	}
	for i := 0; i < 60; i += 2 {
		if _, err := c.DeleteItem(t.Context(), pk(fmt.Sprint("p", i%5)), fmt.Sprint(i), nil); err != nil {
			t.Fatal(err)
		}
	}
	etag := create(t, c, "last", "p", "n", 1).ETag
	if _, err := c.UpsertItem(t.Context(), pk("p"), []byte(`{"id":"html","pk":"p","text":"<&>"}`), nil); err != nil {
		t.Fatal(err)
	}
	before := readText(t, c, "html")
	database, err := a.client.NewDatabase("db")
	if err != nil {
		t.Fatal(err)
	}
	dropped, err := database.NewContainer("dropped")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := dropped.Delete(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	feed := feedOf(t, c, nil)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}

	config.PartitionsPerContainer = 1 // only of new containers
	b := newAccount(t, config)
	for id, want := range map[string]int{"c": 0, "expiring": 0, "dropped": 404} {
		again, err := b.client.NewContainer("db", id)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := again.Read(t.Context(), nil); status(err) != want {
			t.Errorf("container %s: status %d, want %d", id, status(err), want)
		}
	}
	c2, err := b.client.NewContainer("db", "c")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(feed, feedOf(t, c2, nil)); diff != "" {
		t.Errorf("change feed (-before +after):\n%s", diff)
	}
	if diff := cmp.Diff(before, readText(t, c2, "html")); diff != "" {
		t.Errorf("the text of an item (-before +after):\n%s", diff)
	}
	if _, err := c2.ReplaceItem(t.Context(), pk("p"), "last", item("last", "p", "n", 2), ifMatch(etag)); err != nil {
		t.Errorf("the etag from before: %v", err)
	}
	e2, err := b.client.NewContainer("db", "expiring")
	if err != nil {
		t.Fatal(err)
	}
	if read(t, e2, "1", "p") == nil {
		t.Error("it expired early")
	}
	time0.pass(10 * time.Second)
	if read(t, e2, "1", "p") != nil {
		t.Error("it has not expired")
	}
}

func TestState_damage(t *testing.T) {
	dir := t.TempDir()
	a := newAccount(t, cosmosemulator.Config{StateDir: dir})
	c := a.container(t, byPK("c"))
	for i := range 10 {
		create(t, c, fmt.Sprint(i), "p")
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(filepath.Join(dir, "cosmos.journal"))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		change func([]byte) []byte
		left   int    // items, -1 is that it is refused
		says   string // in the log or error
	}{
		{"whole", func(b []byte) []byte { return b }, 10, ""},
		{"torn", func(b []byte) []byte { return b[:len(b)-7] }, 9, "torn"},
		{"torn_header", func(b []byte) []byte { return append(b, 1, 2, 3) }, 10, "torn"},
		{"last_record_garbled", func(b []byte) []byte { b[len(b)-3]++; return b }, 9, "torn"},
		{"middle_garbled", func(b []byte) []byte { b[len(b)/2]++; return b }, -1, "restore the file"},
		{"another_file", func([]byte) []byte { return []byte("SQLite format 3\x00 and so on and on") }, -1, "no journal"},
		{"empty", func([]byte) []byte { return nil }, 0, "torn"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir, log := t.TempDir(), &strings.Builder{}
			if err := os.WriteFile(filepath.Join(dir, "cosmos.journal"), test.change([]byte(string(whole))), 0o600); err != nil {
				t.Fatal(err)
			}
			config := cosmosemulator.Config{StateDir: dir, Log: slog.New(slog.NewTextHandler(log, nil))}
			server, err := cosmosemulator.New(config)
			if err != nil {
				log.WriteString(err.Error())
			}
			if !strings.Contains(log.String(), test.says) || test.says == "" && log.Len() > 0 {
				t.Errorf("it says %q, want %q", log, test.says)
			}
			if (err != nil) != (test.left < 0) {
				t.Fatalf("New: %v", err)
			}
			if err != nil {
				return
			}
			if err := server.Close(); err != nil {
				t.Fatal(err)
			}
			if test.left == 0 {
				return
			}
			b := newAccount(t, config)
			c, err := b.client.NewContainer("db", "c")
			if err != nil {
				t.Fatal(err)
			}
			create(t, c, "new", "p")
			if got := len(feedOf(t, c, nil)); got != test.left+1 {
				t.Errorf("%d items, want %d", got, test.left+1)
			}
		})
	}
}

func TestState_is_rewritten_when_it_is_mostly_outdated(t *testing.T) {
	dir := t.TempDir()
	a := newAccount(t, cosmosemulator.Config{StateDir: dir, PartitionsPerContainer: 2})
	c := a.container(t, byPK("c"))
	text := strings.Repeat("x", 10_000)
	for i := range 300 {
		if _, err := c.UpsertItem(t.Context(), pk(fmt.Sprint(i%3)), item(fmt.Sprint(i%9), fmt.Sprint(i%3), "text", text, "n", i), nil); err != nil {
			t.Fatal(err)
		}
	}
	create(t, c, "deleted", "0")
	if _, err := c.DeleteItem(t.Context(), pk("0"), "deleted", nil); err != nil {
		t.Fatal(err)
	}
	feed := feedOf(t, c, nil)
	before := a.raw(t, "GET", docs, "docs", "dbs/db/colls/c", nil, "A-IM", "Incremental Feed", "x-ms-documentdb-partitionkey", `["0"]`, "If-None-Match", "*")
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	b := newAccount(t, cosmosemulator.Config{StateDir: dir})
	info, err := os.Stat(filepath.Join(dir, "cosmos.journal"))
	if err != nil || info.Size() > 200_000 {
		t.Errorf("the journal has %d bytes, %v", info.Size(), err)
	}
	c2, err := b.client.NewContainer("db", "c")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(feed, feedOf(t, c2, nil)); diff != "" {
		t.Errorf("change feed (-before +after):\n%s", diff)
	}
	after := b.raw(t, "GET", docs, "docs", "dbs/db/colls/c", nil, "A-IM", "Incremental Feed", "x-ms-documentdb-partitionkey", `["0"]`, "If-None-Match", "*")
	if before.Header().Get("etag") != after.Header().Get("etag") {
		t.Errorf("the LSN was %s and is %s", before.Header().Get("etag"), after.Header().Get("etag"))
	}
}
