package blobs_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keywarden/keywarden/internal/hubemulator/blobs"
)

// ask makes a request with headers given as "Name: value", and returns the
// answer with its body.
func ask(t *testing.T, server *httptest.Server, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(content)
}

func newServer(t *testing.T) *httptest.Server {
	now := time.Date(2026, 11, 2, 8, 0, 0, 0, time.UTC)
	server := httptest.NewServer(blobs.New(func() time.Time { return now }))
	t.Cleanup(server.Close)
	return server
}

func TestBlobs(t *testing.T) {
	server := newServer(t)
	tag := ""
	for _, step := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		code                     string
	}{
		{"no_container", "PUT", "/c/b", "", nil, 404, "ContainerNotFound"},
		{"create_container", "PUT", "/c?restype=container", "", nil, 201, ""},
		{"create_again", "PUT", "/c?restype=container", "", nil, 409, "ContainerAlreadyExists"},
		{"no_blob", "GET", "/c/b", "", nil, 404, "BlobNotFound"},
		{"metadata_of_no_blob", "PUT", "/c/b?comp=metadata", "", nil, 404, "BlobNotFound"},
		{"match_no_blob", "PUT", "/c/b", "", []string{"If-Match: *"}, 404, "BlobNotFound"},
		{"create", "PUT", "/c/b", "body", []string{"If-None-Match: *", "x-ms-meta-ownerid: one"}, 201, ""},
		{"exists", "PUT", "/c/b", "", []string{"If-None-Match: *"}, 409, "BlobAlreadyExists"},
		{"wrong_tag", "PUT", "/c/b?comp=metadata", "", []string{"If-Match: other"}, 412, "ConditionNotMet"},
		{"right_tag", "PUT", "/c/b?comp=metadata", "", []string{"If-Match: TAG", "x-ms-meta-ownerid: two"}, 200, ""},
		{"stale_tag", "PUT", "/c/b?comp=metadata", "", []string{"If-Match: TAG"}, 412, "ConditionNotMet"},
		{"read", "GET", "/c/b", "", []string{"If-None-Match: TAG"}, 200, ""},
		{"unknown", "PUT", "/c/b?comp=lease", "", nil, 400, "UnsupportedQueryParameter"},
		{"unknown_of_container", "PUT", "/c?restype=container&comp=acl", "", nil, 400, "UnsupportedQueryParameter"},
		{"too_large", "PUT", "/c/b", strings.Repeat("x", 5<<20), nil, 413, "RequestBodyTooLarge"},
		{"delete", "DELETE", "/c/b", "", nil, 202, ""},
		{"delete_container", "DELETE", "/c?restype=container", "", nil, 202, ""},
		{"deleted", "GET", "/c?restype=container&comp=list", "", nil, 404, "ContainerNotFound"},
	} {
		for i := range step.headers {
			step.headers[i] = strings.ReplaceAll(step.headers[i], "TAG", tag)
		}
		response, body := ask(t, server, step.method, step.path, step.body, step.headers...)
		if response.StatusCode != step.status || response.Header.Get("x-ms-error-code") != step.code || !strings.Contains(body, step.code) {
			t.Errorf("%s: %d %s, %q", step.name, response.StatusCode, response.Header.Get("x-ms-error-code"), body)
		}
		if step.name == "create" {
			tag = strings.Trim(response.Header.Get("ETag"), `"`) // as lists have it
		}
		if step.name == "read" && (body != "body" || response.Header.Get("x-ms-meta-ownerid") != "two") {
			t.Errorf("%q, owner %q", body, response.Header.Get("x-ms-meta-ownerid"))
		}
	}
}

func TestList(t *testing.T) {
	server := newServer(t)
	ask(t, server, "PUT", "/c?restype=container", "")
	ask(t, server, "PUT", "/c/ns/hub/$Default/ownership/0", "", "x-ms-meta-ownerid: a&b")
	ask(t, server, "PUT", "/c/ns/hub/$Default/checkpoint/0", "")
	_, body := ask(t, server, "GET", "/c?restype=container&comp=list&prefix=ns/hub/$Default/ownership/", "")
	for _, want := range []string{
		"<Name>ns/hub/$Default/ownership/0</Name>", "<ownerid>a&amp;b</ownerid>", "<Etag>0x", "<Last-Modified>Mon, 02 Nov 2026 08:00:00 GMT</Last-Modified>",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%s is not in %s", want, body)
		}
	}
	if strings.Contains(body, "checkpoint") {
		t.Errorf("the prefix is ignored: %s", body)
	}
}
