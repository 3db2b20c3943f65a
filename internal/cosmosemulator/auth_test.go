package cosmosemulator_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"

	"github.com/keywarden/keywarden/internal/cosmosemulator"
)

func databaseOf(id string) azcosmos.DatabaseProperties { return azcosmos.DatabaseProperties{ID: id} }

func TestAuth_checks_the_key(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{})
	create(t, a.container(t, byPK("c")), "1", "p")
	tests := []struct {
		name   string
		key    string
		verb   string
		link   string
		at     time.Duration
		change func(*http.Request)
		want   int
	}{
		{name: "right", want: 200},
		{name: "wrong_key", key: "AAAA", want: 401},
		{name: "another_item", link: "dbs/db/colls/c/docs/2", want: 401},
		{name: "14_minutes_old", at: -14 * time.Minute, want: 200},
		{name: "16_minutes_old", at: -16 * time.Minute, want: 403},
		{name: "16_minutes_early", at: 16 * time.Minute, want: 403},
		{name: "none", change: func(r *http.Request) { r.Header.Del("Authorization") }, want: 401},
		{name: "no_date", change: func(r *http.Request) { r.Header.Del("x-ms-date") }, want: 401},
		{name: "another_date", change: func(r *http.Request) {
			r.Header.Set("x-ms-date", time.Now().Add(time.Minute).UTC().Format(http.TimeFormat))
		}, want: 401},
		{name: "another_verb", change: func(r *http.Request) { r.Method = "DELETE" }, want: 401},
		{name: "resource_token", change: func(r *http.Request) { r.Header.Set("Authorization", "type%3Dresource%26ver%3D1.0%26sig%3Dx") }, want: 401},
		{name: "basic", change: func(r *http.Request) { r.SetBasicAuth("a", "b") }, want: 401},
		{name: "not_escaped_well", change: func(r *http.Request) { r.Header.Set("Authorization", "%zz") }, want: 401},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if test.key == "" {
				test.key = cosmosemulator.EmulatorKey
			}
			if test.link == "" {
				test.link = "dbs/db/colls/c/docs/1"
			}
			r := httptest.NewRequestWithContext(context.Background(), "GET", "http://account.test"+docs+"/1", nil)
			sign(r, test.key, "docs", test.link, time.Now().Add(test.at))
			r.Header.Set("x-ms-documentdb-partitionkey", `["p"]`)
			if test.change != nil {
				test.change(r)
			}
			w := httptest.NewRecorder()
			a.ServeHTTP(w, r)
			if w.Code != test.want {
				t.Errorf("status %d, want %d: %s", w.Code, test.want, w.Body)
			}
			if strings.Contains(w.Body.String(), cosmosemulator.EmulatorKey[:20]) {
				t.Error("the key is in the answer")
			}
		})
	}
}

// tokens is a TokenCredential.
type tokens struct {
	audience string
	lifetime time.Duration
	key      string
}

func (c tokens) GetToken(_ context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	audience := c.audience
	if audience == "" {
		audience = strings.TrimSuffix(o.Scopes[0], "/.default")
	}
	now := time.Now()
	return azcore.AccessToken{Token: cosmosemulator.Token(c.key, audience, now.Add(-time.Hour), now.Add(c.lifetime)), ExpiresOn: now.Add(time.Hour)}, nil
}

func TestAuth_checks_tokens(t *testing.T) {
	a := newAccount(t, cosmosemulator.Config{Audiences: []string{"api://keywarden"}})
	a.container(t, byPK("c"))
	tests := []struct {
		name       string
		credential tokens
		want       int
	}{
		{"the_account", tokens{lifetime: time.Hour, key: cosmosemulator.EmulatorKey}, 0},
		{"all_of_cosmos", tokens{audience: "https://cosmos.azure.com", lifetime: time.Hour, key: cosmosemulator.EmulatorKey}, 0},
		{"configured", tokens{audience: "api://keywarden", lifetime: time.Hour, key: cosmosemulator.EmulatorKey}, 0},
		{"another_account", tokens{audience: "https://other.documents.azure.com", lifetime: time.Hour, key: cosmosemulator.EmulatorKey}, 401},
		{"expired", tokens{lifetime: -time.Minute, key: cosmosemulator.EmulatorKey}, 401},
		{"signed_by_another", tokens{lifetime: time.Hour, key: "AAAA"}, 401},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			client, err := azcosmos.NewClient(a.endpoint, test.credential, options(&http.Client{Transport: a.Transport()}))
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			container, err := client.NewContainer("db", "c")
			if err != nil {
				t.Fatal(err)
			}
			_, err = container.UpsertItem(t.Context(), pk("p"), item("1", "p"), nil)
			if got := status(err); got != test.want || test.want == 0 && err != nil {
				t.Fatalf("a write is answered %d (%v), want %d", got, err, test.want)
			}
			if test.want != 0 {
				return
			}
			_, err = client.CreateDatabase(t.Context(), databaseOf("other"), nil)
			if status(err) != http.StatusForbidden || subStatus(err) != "5300" {
				t.Errorf("management with a token is answered %d/%s (%v), want 403/5300", status(err), subStatus(err), err)
			}
		})
	}
}
