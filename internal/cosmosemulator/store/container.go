package store

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/keywarden/keywarden/internal/cosmosemulator/epk"
)

// ruPerRange is the throughput that one physical partition serves at most (service quotas).
const ruPerRange = 10_000

// Container holds items. What an open Container promises ends when it is deleted; writes that are under way then are
// lost with it.
type Container struct {
	RID     string
	Paths   [][]string // of the partition key, each taken apart
	Ranges  []*Range   // the physical partitions, in the order of the key space
	Version int        // of the partition key hash

	store      *Store
	self       string // path by resource ids, with a slash at the end
	definition epk.Definition
	nextSeq    atomic.Uint64
	ttl        atomic.Int64 // defaultTtl: 0 off, -1 on without a default, else seconds

	mu         sync.RWMutex
	resource   Resource
	properties map[string]json.RawMessage // as the client gave them, with the defaults of the service
}

// Resource is the container's id, etag and time of the last change.
func (c *Container) Resource() Resource {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.resource
}

// JSON is the container as the service shows it.
func (c *Container) JSON() []byte {
	c.mu.RLock()
	defer c.mu.RUnlock()
	all := map[string]any{"_rid": c.RID, "_self": c.self, "_etag": c.resource.ETag, "_ts": c.resource.TS,
		"_docs": "docs/", "_sprocs": "sprocs/", "_triggers": "triggers/", "_udfs": "udfs/", "_conflicts": "conflicts/"}
	for name, raw := range c.properties {
		all[name] = raw
	}
	text, err := json.Marshal(all)
	if err != nil {
		panic(err) // the properties were read from JSON
	}
	return text
}

// containerSpec is what the store must understand of a container's properties.
type containerSpec struct {
	ID           string `json:"id"`
	PartitionKey *struct {
		Paths   []string `json:"paths"`
		Kind    string   `json:"kind"`
		Version int      `json:"version"`
	} `json:"partitionKey"`
	DefaultTTL      *int64 `json:"defaultTtl"`
	IndexingPolicy  *struct{ IndexingMode string }
	UniqueKeyPolicy *struct{ UniqueKeys []json.RawMessage }
}

// parseContainer reads and checks the properties of a container.
func parseContainer(body []byte) (containerSpec, map[string]json.RawMessage, error) {
	var spec containerSpec
	properties := map[string]json.RawMessage{}
	if json.Unmarshal(body, &spec) != nil || json.Unmarshal(body, &properties) != nil {
		return spec, nil, Refuse(400, 0, "The request payload is invalid. Ensure to provide a valid request payload.")
	}
	for name := range properties {
		if strings.HasPrefix(name, "_") {
			delete(properties, name)
		}
	}
	if err := checkName(spec.ID); err != nil {
		return spec, nil, err
	}
	if spec.PartitionKey == nil || len(spec.PartitionKey.Paths) == 0 {
		return spec, nil, Refuse(400, 0, "The partition key definition is missing: give partitionKey.paths.")
	}
	if spec.UniqueKeyPolicy != nil && len(spec.UniqueKeyPolicy.UniqueKeys) > 0 {
		return spec, nil, Refuse(400, 0, "Unique keys are not supported by this stand-in.")
	}
	if t := spec.DefaultTTL; t != nil && (*t == 0 || *t < -1 || *t > maxTTL) {
		return spec, nil, Refuse(400, 0, "defaultTtl %d is not allowed: -1 or a positive 32-bit number of seconds.", *t)
	}
	setDefaults(properties)
	return spec, properties, spec.checkKey()
}

func (spec *containerSpec) checkKey() error {
	pk := spec.PartitionKey
	if pk.Version == 0 {
		pk.Version = 1
	}
	switch {
	case pk.Version != 1 && pk.Version != 2:
		return Refuse(400, 0, "Partition key version %d is not known: 1 or 2.", pk.Version)
	case len(pk.Paths) > 3:
		return Refuse(400, 0, "A partition key has at most 3 paths.")
	case len(pk.Paths) > 1 && (pk.Kind != "MultiHash" || pk.Version != 2):
		return Refuse(400, 0, "A partition key of several paths is of kind MultiHash and version 2.")
	case len(pk.Paths) == 1 && pk.Kind != "Hash" && pk.Kind != "" && pk.Kind != "MultiHash":
		return Refuse(400, 0, "Partition key kind %q is not known: Hash or MultiHash.", pk.Kind)
	}
	return nil
}

func setDefaults(properties map[string]json.RawMessage) {
	for name, text := range map[string]string{
		"indexingPolicy": `{"indexingMode":"consistent","automatic":true,"includedPaths":[{"path":"/*"}],` +
			`"excludedPaths":[{"path":"/\"_etag\"/?"}]}`,
		"conflictResolutionPolicy": `{"mode":"LastWriterWins","conflictResolutionPath":"/_ts","conflictResolutionProcedure":""}`,
		"geospatialConfig":         `{"type":"Geography"}`,
	} {
		if raw := properties[name]; raw == nil || string(raw) == "null" {
			properties[name] = json.RawMessage(text)
		}
	}
}

// CreateContainer makes a container of its JSON properties. It has a physical partition for every 10,000 RU/s, as the
// service has, and at least Config.Ranges.
func (s *Store) CreateContainer(database string, body []byte, throughput *Throughput) (*Container, error) {
	spec, properties, err := parseContainer(body)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.databases[database]
	if d == nil {
		return nil, ownerGone()
	}
	if d.containers[spec.ID] != nil {
		return nil, Refuse(409, 0, "Resource with specified id or name already exists.")
	}
	ranges := s.ranges
	if throughput != nil {
		ranges = max(ranges, (throughput.most()+ruPerRange-1)/ruPerRange)
	}
	c, err := s.buildContainer(d, s.newResource(spec.ID, d.RID), spec, properties, ranges)
	if err != nil {
		return nil, err
	}
	if err := s.record(c.record(d.RID)); err != nil {
		return nil, err
	}
	d.containers[spec.ID] = c
	return c, s.createOffer(c.RID, c.self, throughput)
}

// ownerGone is the answer where the database or container that should hold something does not exist.
func ownerGone() *Refusal { return Refuse(404, 1003, "Owner resource does not exist") }

func (s *Store) buildContainer(d *Database, r Resource, spec containerSpec, properties map[string]json.RawMessage, ranges int) (*Container, error) {
	c := &Container{
		RID: r.RID, store: s, self: "dbs/" + d.RID + "/colls/" + r.RID + "/",
		Version:    spec.PartitionKey.Version,
		definition: epk.Definition{Levels: len(spec.PartitionKey.Paths), Version: spec.PartitionKey.Version},
		resource:   r, properties: properties,
	}
	for _, p := range spec.PartitionKey.Paths {
		path, err := splitPath(p)
		if err != nil {
			return nil, err
		}
		c.Paths = append(c.Paths, path)
	}
	c.setTTL(spec.DefaultTTL)
	bounds := c.definition.Bounds(ranges)
	for i := range ranges {
		c.Ranges = append(c.Ranges, &Range{ID: strconv.Itoa(i), Min: bounds[i], Max: bounds[i+1], container: c, keys: map[string]*partition{}})
	}
	return c, nil
}

func (c *Container) setTTL(seconds *int64) {
	if seconds == nil {
		c.ttl.Store(0)
		return
	}
	c.ttl.Store(*seconds)
}

// Container is the container of those ids, or a Refusal.
func (s *Store) Container(database, id string) (*Container, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d := s.databases[database]
	if d == nil {
		return nil, ownerGone()
	}
	if c := d.containers[id]; c != nil {
		return c, nil
	}
	return nil, notFound()
}

// Containers are all containers of a database by id.
func (s *Store) Containers(database string) ([]*Container, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	d := s.databases[database]
	if d == nil {
		return nil, ownerGone()
	}
	ids := make([]string, 0, len(d.containers))
	for id := range d.containers {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	all := make([]*Container, len(ids))
	for i, id := range ids {
		all[i] = d.containers[id]
	}
	return all, nil
}

// ReplaceContainer changes a container's properties; its id and partition key cannot be changed.
func (s *Store) ReplaceContainer(database, id string, body []byte, ifMatch string) (*Container, error) {
	spec, properties, err := parseContainer(body)
	if err != nil {
		return nil, err
	}
	c, err := s.Container(database, id)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.mu.Lock()
	defer c.mu.Unlock()
	if spec.ID != id || !c.sameKey(spec) {
		return nil, Refuse(400, 0, "The id and the partition key of a container cannot be changed.")
	}
	if !matches(ifMatch, c.resource.ETag) {
		return nil, preconditionFailed()
	}
	changed := c.resource
	changed.ETag, changed.TS = s.newETag(), s.clock().Unix()
	if err := s.record(&record{Container: &containerRecord{Resource: changed, Properties: properties, Replaces: true}}); err != nil {
		return nil, err
	}
	c.resource, c.properties = changed, properties
	c.setTTL(spec.DefaultTTL)
	return c, nil
}

func (c *Container) sameKey(spec containerSpec) bool {
	if len(spec.PartitionKey.Paths) != len(c.Paths) || spec.PartitionKey.Version != c.Version {
		return false
	}
	for i, p := range spec.PartitionKey.Paths {
		path, err := splitPath(p)
		if err != nil || !slices.Equal(path, c.Paths[i]) {
			return false
		}
	}
	return true
}

// DeleteContainer removes a container with its items; ifMatch "" always does.
func (s *Store) DeleteContainer(database, id, ifMatch string) error {
	c, err := s.Container(database, id)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.databases[database]
	if d == nil || d.containers[id] != c {
		return notFound()
	}
	if !matches(ifMatch, c.Resource().ETag) {
		return preconditionFailed()
	}
	if err := s.record(&record{Drop: c.RID}); err != nil {
		return err
	}
	delete(d.containers, id)
	delete(s.offers, c.RID)
	return nil
}
