package cosmos_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/cosmos"
	"github.com/keywarden/keywarden/internal/cosmosemulator"
)

// accounts counts stand-ins: each has an address of its own.
var accounts atomic.Int64

// account is an empty stand-in, and how to open a database of it.
func account(t testing.TB, c cosmosemulator.Config) cosmos.Config {
	t.Helper()
	server, err := cosmosemulator.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return cosmos.Config{
		Endpoint:  fmt.Sprintf("http://account-%d.test/", accounts.Add(1)),
		Database:  "keywarden",
		Key:       cosmosemulator.EmulatorKey,
		Transport: &http.Client{Transport: server.Transport()},
	}
}

// open is a client of a database with all containers.
func open(t testing.TB, c cosmos.Config) *cosmos.Client {
	t.Helper()
	client, err := cosmos.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if err := client.EnsureContainers(t.Context()); err != nil {
		t.Fatal(err)
	}
	return client
}

func TestEnsureContainers_may_be_done_again(t *testing.T) {
	c := account(t, cosmosemulator.Config{})
	open(t, c)
	open(t, c)
}

func TestParse(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		want cosmos.Config
	}{
		"account":           {"https://a.documents.azure.com/keywarden", cosmos.Config{Endpoint: "https://a.documents.azure.com/", Database: "keywarden"}},
		"account_with_port": {"https://a.documents.azure.com:443/keywarden/", cosmos.Config{Endpoint: "https://a.documents.azure.com:443/", Database: "keywarden"}},
		"connection_string": {"AccountEndpoint=http://localhost:8081/;AccountKey=c2VjcmV0=;Database=db;", cosmos.Config{Endpoint: "http://localhost:8081/", Database: "db", Key: "c2VjcmV0="}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := cosmos.Parse(test.text)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(test.want, got); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
}

func TestParse_refuses_and_shows_no_key(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":             "",
		"no_address":          "keywarden",
		"no_database":         "https://a.documents.azure.com/",
		"a_path":              "https://a.documents.azure.com/db/more",
		"key_in_the_address":  "https://user:c2VjcmV0@a.documents.azure.com/db",
		"key_as_a_parameter":  "https://a.documents.azure.com/db?key=c2VjcmV0",
		"unreadable":          "https://a.documents.azure.com:c2VjcmV0/db",
		"string_without_db":   "AccountEndpoint=http://localhost:8081/;AccountKey=c2VjcmV0",
		"string_without_key":  "AccountEndpoint=http://localhost:8081/;Database=c2VjcmV0",
		"string_without_host": "AccountEndpoint=;AccountKey=c2VjcmV0;Database=db",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := cosmos.Parse(text)
			if err == nil {
				t.Fatal("no error")
			}
			if strings.Contains(err.Error(), "c2VjcmV0") || !strings.Contains(err.Error(), "https://ACCOUNT") {
				t.Errorf("error %q shows the key, or not what to write", err)
			}
		})
	}
	t.Run("key_that_is_none", func(t *testing.T) {
		_, err := cosmos.Open(cosmos.Config{Endpoint: "http://a.test/", Database: "db", Key: "no base64!"})
		if err == nil || strings.Contains(err.Error(), "no base64!") {
			t.Errorf("error %v, want one without the key", err)
		}
	})
}
