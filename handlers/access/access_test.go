package access

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	idClaim   = "http://schemas.microsoft.com/identity/claims/objectidentifier"
	roleClaim = "http://schemas.microsoft.com/ws/2008/06/identity/claims/role"
	alice     = "11111111-2222-3333-4444-555555555555"
)

// principal is a header as the platform makes it.
func principal(tb testing.TB, provider string, claims ...string) string {
	tb.Helper()
	var all []map[string]string
	for i := 0; i < len(claims); i += 2 {
		all = append(all, map[string]string{"typ": claims[i], "val": claims[i+1]})
	}
	text, err := json.Marshal(map[string]any{"auth_typ": provider, "name_typ": "name", "role_typ": "name", "claims": all})
	if err != nil {
		tb.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(text)
}

func TestParsePrincipal(t *testing.T) {
	for name, test := range map[string]struct {
		value string
		want  Analyst
	}{
		"mapped_claims": {principal(t, "aad", idClaim, alice, "name", "Alice", "preferred_username", "alice@contoso.com", roleClaim, Reader),
			Analyst{alice, "alice@contoso.com", []string{Reader}}},
		"token_claims":  {principal(t, "aad", "oid", alice, "name", "Alice", "roles", Reader, "roles", "Other"), Analyst{alice, "Alice", []string{Reader, "Other"}}},
		"no_roles":      {principal(t, "aad", "oid", alice), Analyst{ID: alice}},
		"both_ids":      {principal(t, "aad", "oid", alice, idClaim, alice), Analyst{ID: alice}},
		"role_as_name":  {principal(t, "aad", "oid", alice, "name", Reader), Analyst{ID: alice, Name: Reader}},
		"role_as_group": {principal(t, "aad", "oid", alice, "groups", Reader, "role", Reader, "Roles", Reader), Analyst{ID: alice}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParsePrincipal(test.value)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestParsePrincipal_refuses(t *testing.T) {
	encode := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	good := principal(t, "aad", "oid", alice, "roles", Reader)
	for name, value := range map[string]string{
		"empty":           "",
		"no_base64":       "{}",
		"url_base64":      strings.ReplaceAll(encode(`{"a":"???>>>"}`), "/", "_"),
		"no_padding":      strings.TrimRight(encode(`{"a":1}`), "="),
		"no_json":         encode("hello"),
		"captured_forged": "eyJmYWtlIjp0cnVlfQ==", // {"fake":true}
		"array":           encode("[]"),
		"null":            encode("null"),
		"claims_object":   encode(`{"auth_typ":"aad","claims":{"roles":"Keywarden.Reader"}}`),
		"claim_number":    encode(`{"auth_typ":"aad","claims":[{"typ":"oid","val":1}]}`),
		"two_documents":   encode(`{"auth_typ":"aad","claims":[{"typ":"oid","val":"1"}]}{}`),
		"deep":            encode(strings.Repeat("[", 20000)),
		"long":            strings.Repeat("A", longestPrincipal+4),
		"twice":           good + "," + good,
		"other_provider":  principal(t, "github", "oid", alice, "roles", Reader),
		"no_provider":     principal(t, "", "oid", alice, "roles", Reader),
		"no_id":           principal(t, "aad", "roles", Reader),
		"empty_id":        principal(t, "aad", "oid", "", "roles", Reader),
		"two_ids":         principal(t, "aad", "oid", alice, "oid", "another", "roles", Reader),
		"long_id":         principal(t, "aad", "oid", strings.Repeat("1", 65)),
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParsePrincipal(value)
			if !errors.Is(err, ErrUnknown) {
				t.Errorf("taken as %+v (%v)", got, err)
			} else if len(err.Error()) > 200 {
				t.Errorf("the error has %d bytes", len(err.Error()))
			}
		})
	}
}

func FuzzParsePrincipal(f *testing.F) {
	f.Add([]byte(`{"auth_typ":"aad","claims":[{"typ":"oid","val":"1"},{"typ":"roles","val":"Keywarden.Reader"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		a, err := ParsePrincipal(base64.StdEncoding.EncodeToString(text))
		if err == nil && a.ID == "" {
			t.Error("an analyst without an id")
		}
		if err == nil && slices.Contains(a.Roles, Reader) && !strings.Contains(string(text), "ole") {
			t.Errorf("a role from %q", text)
		}
	})
}

// request is one from an address, with headers as name, value, ….
func request(remote string, headers ...string) *http.Request {
	r := httptest.NewRequest(http.MethodGet, "/api/incidents", nil)
	r.RemoteAddr, r.Host = remote, "localhost:8080"
	r.Header.Set("X-Forwarded-Host", "localhost:8080")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func TestLoopback(t *testing.T) {
	for name, test := range map[string]struct {
		behindHost bool
		request    *http.Request
		ok         bool
	}{
		"local":                      {false, request("127.0.0.1:5000"), true},
		"local_ipv6":                 {false, request("[::1]:5000"), true},
		"mapped":                     {false, request("[::ffff:127.0.0.1]:5000"), true},
		"elsewhere":                  {false, request("10.0.0.5:5000"), false},
		"no_address":                 {false, request("@"), false},
		"own_proxy_without_host":     {false, request("127.0.0.1:5000", "X-Forwarded-For", "127.0.0.1"), false},
		"forwarded_without_host":     {false, request("127.0.0.1:5000", "Forwarded", "for=127.0.0.1"), false},
		"behind_host_local":          {true, request("127.0.0.1:5000", "X-Forwarded-For", "127.0.0.1"), true},
		"behind_host_with_port":      {true, request("127.0.0.1:5000", "X-Forwarded-For", "127.0.0.1:6000"), true},
		"behind_host_ipv6":           {true, request("127.0.0.1:5000", "X-Forwarded-For", "::1"), true},
		"behind_host_ipv6_and_port":  {true, request("127.0.0.1:5000", "X-Forwarded-For", "[::1]:6000"), true},
		"behind_host_outside":        {true, request("127.0.0.1:5000", "X-Forwarded-For", "1.2.3.4"), false},
		"behind_host_list":           {true, request("127.0.0.1:5000", "X-Forwarded-For", "127.0.0.1, 1.2.3.4"), false},
		"behind_host_list_first":     {true, request("127.0.0.1:5000", "X-Forwarded-For", "1.2.3.4, 127.0.0.1"), false},
		"behind_host_twice":          {true, request("127.0.0.1:5000", "X-Forwarded-For", "127.0.0.1", "X-Forwarded-For", "1.2.3.4"), false},
		"behind_host_none":           {true, request("127.0.0.1:5000"), false},
		"behind_host_empty":          {true, request("127.0.0.1:5000", "X-Forwarded-For", ""), false},
		"behind_host_name":           {true, request("127.0.0.1:5000", "X-Forwarded-For", "localhost"), false},
		"behind_host_zone":           {true, request("127.0.0.1:5000", "X-Forwarded-For", "::1%lo"), false},
		"behind_host_client_ip":      {true, request("127.0.0.1:5000", "X-Forwarded-For", "1.2.3.4", "CLIENT-IP", "127.0.0.1"), false},
		"behind_host_not_from_host":  {true, request("10.0.0.5:5000", "X-Forwarded-For", "127.0.0.1"), false},
		"behind_host_strange_prefix": {true, request("127.0.0.1:5000", "X-Forwarded-For", "127.0.0.1.evil.example"), false},
	} {
		t.Run(name, func(t *testing.T) {
			analyst, err := Loopback(test.behindHost)(test.request)
			if (err == nil) != test.ok || (err != nil && !errors.Is(err, ErrUnknown)) {
				t.Errorf("%v, want it taken: %v", err, test.ok)
			}
			if slices.Contains(analyst.Roles, Reader) != test.ok {
				t.Errorf("reads: %v", slices.Contains(analyst.Roles, Reader))
			}
		})
	}
}

func TestAppService_demands_that_authentication_is_on(t *testing.T) {
	for value, ok := range map[string]bool{"": false, "false": false, "1": false, "true ": false, "true": true, "True": true} {
		rule, err := AppService(func(name string) string { return map[string]string{"WEBSITE_AUTH_ENABLED": value}[name] })
		if (err == nil) != ok || (rule != nil) != ok {
			t.Errorf("WEBSITE_AUTH_ENABLED=%q: %v", value, err)
		}
		if err != nil && !strings.Contains(err.Error(), "turn it on") {
			t.Errorf("%v does not say what to do", err)
		}
	}
}

func TestAppService_believes_one_principal_alone(t *testing.T) {
	rule, err := AppService(func(string) string { return "true" })
	if err != nil {
		t.Fatal(err)
	}
	reader := principal(t, "aad", "oid", alice, "roles", Reader)
	for name, test := range map[string]struct {
		headers []string
		known   bool
	}{
		"reader":      {[]string{"X-MS-CLIENT-PRINCIPAL", reader}, true},
		"nobody":      {nil, false},
		"two":         {[]string{"X-MS-CLIENT-PRINCIPAL", reader, "X-MS-CLIENT-PRINCIPAL", reader}, false},
		"id_only":     {[]string{"X-MS-CLIENT-PRINCIPAL-ID", alice}, false},
		"other_login": {[]string{"X-MS-CLIENT-PRINCIPAL", principal(t, "google", "oid", alice, "roles", Reader)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			analyst, err := rule(request("127.0.0.1:5000", test.headers...))
			if (err == nil) != test.known || (err != nil && !errors.Is(err, ErrUnknown)) || (analyst.ID == alice) != test.known {
				t.Errorf("%+v, %v; known: want %v", analyst, err, test.known)
			}
		})
	}
}

func TestLoopback_refuses_a_page_whose_name_leads_here(t *testing.T) {
	for host, ok := range map[string]bool{
		"localhost": true, "LOCALHOST:8080": true, "127.0.0.1:8080": true, "[::1]:8080": true,
		"evil.example": false, "evil.example:8080": false, "127.0.0.1.evil.example": false, "localhost.evil.example": false, "": false,
	} {
		r := request("127.0.0.1:5000")
		r.Host = host
		if _, err := Loopback(false)(r); (err == nil) != ok {
			t.Errorf("Host %q: %v", host, err)
		}
		r = request("127.0.0.1:5000", "X-Forwarded-For", "127.0.0.1")
		r.Header.Set("X-Forwarded-Host", host)
		if _, err := Loopback(true)(r); (err == nil) != ok {
			t.Errorf("X-Forwarded-Host %q: %v", host, err)
		}
	}
}
