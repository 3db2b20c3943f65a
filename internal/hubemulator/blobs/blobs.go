// Package blobs stands in for the part of Azure Blob Storage that consumers of
// Event Hubs keep checkpoints and ownership in: containers, and block blobs
// with metadata and entity tags. Everything is in memory, there are no
// snapshots, leases, tiers or blocks, and whoever asks is let in: it is for
// developing and tests.
package blobs

import (
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// maxBlob is how large a blob may be.
const maxBlob = 4 << 20

// Store is the containers of an account, as an http.Handler.
type Store struct {
	now func() time.Time

	mu         sync.Mutex
	tags       int
	containers map[string]map[string]*blob
}

var _ http.Handler = (*Store)(nil)

type blob struct {
	content  []byte
	metadata map[string]string // by lower-cased name
	tag      string
	modified time.Time
}

// New is an account without containers. The clock dates blobs.
func New(now func() time.Time) *Store {
	return &Store{now: now, containers: map[string]map[string]*blob{}}
}

// failure is a refusal as the service words it.
type failure struct {
	status int
	code   string
}

var (
	errNoContainer     = &failure{http.StatusNotFound, "ContainerNotFound"}
	errContainerExists = &failure{http.StatusConflict, "ContainerAlreadyExists"}
	errNoBlob          = &failure{http.StatusNotFound, "BlobNotFound"}
	errBlobExists      = &failure{http.StatusConflict, "BlobAlreadyExists"}
	errCondition       = &failure{http.StatusPreconditionFailed, "ConditionNotMet"}
	errTooLarge        = &failure{http.StatusRequestEntityTooLarge, "RequestBodyTooLarge"}
	errUnsupported     = &failure{http.StatusBadRequest, "UnsupportedQueryParameter"}
)

// ServeHTTP answers a request of the Blob service's REST API.
func (s *Store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	content, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBlob))
	w.Header().Set("x-ms-version", r.Header.Get("x-ms-version"))
	container, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	s.mu.Lock()
	defer s.mu.Unlock()
	var failed *failure
	switch {
	case err != nil:
		failed = errTooLarge
	case name == "":
		failed = s.onContainer(w, r, container)
	default:
		failed = s.onBlob(w, r, container, name, content)
	}
	if failed != nil {
		w.Header().Set("x-ms-error-code", failed.code)
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(failed.status)
		_, _ = fmt.Fprintf(w, `<?xml version="1.0" encoding="utf-8"?><Error><Code>%s</Code><Message>%s</Message></Error>`, failed.code, failed.code) // the client is gone
	}
}

func (s *Store) onContainer(w http.ResponseWriter, r *http.Request, container string) *failure {
	blobs, exists := s.containers[container]
	query := r.URL.Query()
	switch operation := r.Method + " " + query.Get("restype") + " " + query.Get("comp"); {
	case operation == "PUT container " && exists:
		return errContainerExists
	case operation == "PUT container ":
		s.containers[container] = map[string]*blob{}
		w.WriteHeader(http.StatusCreated)
	case !exists:
		return errNoContainer
	case operation == "DELETE container ":
		delete(s.containers, container)
		w.WriteHeader(http.StatusAccepted)
	case operation == "GET container list":
		list(w, blobs, query.Get("prefix"))
	default:
		return errUnsupported
	}
	return nil
}

func (s *Store) onBlob(w http.ResponseWriter, r *http.Request, container, name string, content []byte) *failure {
	blobs, exists := s.containers[container]
	if !exists {
		return errNoContainer
	}
	found := blobs[name]
	operation := r.Method + " " + r.URL.Query().Get("comp")
	if failed := check(r.Header, found, operation); failed != nil {
		return failed
	}
	switch operation {
	case "PUT ":
		found = &blob{content: content}
		blobs[name] = found
		s.touch(found, r.Header)
		found.describe(w.Header())
		w.WriteHeader(http.StatusCreated)
	case "PUT metadata":
		s.touch(found, r.Header)
		found.describe(w.Header())
	case "HEAD ", "GET ":
		found.describe(w.Header())
		for key, value := range found.metadata {
			w.Header().Set(metadataPrefix+key, value)
		}
		_, _ = w.Write(found.content) // the client is gone
	case "DELETE ":
		delete(blobs, name)
		w.WriteHeader(http.StatusAccepted)
	default:
		return errUnsupported
	}
	return nil
}

// check says whether the conditions of a request hold. Only a blob that is put
// need not be there.
func check(h http.Header, found *blob, operation string) *failure {
	match, none := h.Get("If-Match"), h.Get("If-None-Match")
	same := func(tag string) bool { return found.tag == `"`+strings.Trim(tag, `"`)+`"` } // lists have them without quotes
	switch {
	case found == nil && (operation != "PUT " || match != ""):
		return errNoBlob
	case found == nil:
		return nil
	case match != "" && match != "*" && !same(match):
		return errCondition
	case none == "*" && operation == "PUT ":
		return errBlobExists
	case none != "" && same(none):
		return errCondition
	}
	return nil
}

const metadataPrefix = "x-ms-meta-"

// touch gives a blob the metadata of a request, a new tag and the time.
func (s *Store) touch(b *blob, h http.Header) {
	s.tags++
	b.tag, b.modified = fmt.Sprintf("\"0x%016X\"", s.tags), s.now().UTC()
	b.metadata = map[string]string{}
	for key, values := range h {
		if name, ok := strings.CutPrefix(strings.ToLower(key), metadataPrefix); ok {
			b.metadata[name] = values[0]
		}
	}
}

func (b *blob) describe(h http.Header) {
	h.Set("ETag", b.tag)
	h.Set("Last-Modified", b.modified.Format(http.TimeFormat))
}

// list writes the blobs whose names begin with a prefix, all on one page.
func list(w http.ResponseWriter, blobs map[string]*blob, prefix string) {
	w.Header().Set("Content-Type", "application/xml")
	var b strings.Builder
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?><EnumerationResults><Blobs>`)
	for _, name := range slices.Sorted(maps.Keys(blobs)) {
		if !strings.HasPrefix(name, prefix) {
			continue
		}
		found := blobs[name]
		fmt.Fprintf(&b, `<Blob><Name>%s</Name><Properties><Last-Modified>%s</Last-Modified><Etag>%s</Etag><Content-Length>%d</Content-Length><BlobType>BlockBlob</BlobType></Properties><Metadata>`,
			escape(name), found.modified.Format(http.TimeFormat), escape(strings.Trim(found.tag, `"`)), len(found.content))
		for _, key := range slices.Sorted(maps.Keys(found.metadata)) {
			fmt.Fprintf(&b, "<%[1]s>%[2]s</%[1]s>", key, escape(found.metadata[key]))
		}
		b.WriteString(`</Metadata></Blob>`)
	}
	b.WriteString(`</Blobs><NextMarker/></EnumerationResults>`)
	_, _ = io.WriteString(w, b.String()) // the client is gone
}

func escape(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text)) // a strings.Builder takes everything
	return b.String()
}
