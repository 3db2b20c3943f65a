package cosmosemulator

import (
	"encoding/json"
	"fmt"

	"github.com/keywarden/keywarden/internal/cosmosemulator/store"
)

func (s *Server) databaseHandlers(feed bool) map[string]func(*call) (*answer, error) {
	if feed {
		return map[string]func(*call) (*answer, error){"Create": s.createDatabase, "List": s.listDatabases, "Query": s.listDatabases}
	}
	return map[string]func(*call) (*answer, error){"Read": s.readDatabase, "Delete": s.deleteDatabase}
}

func databaseJSON(d *store.Database) []byte {
	text, err := json.Marshal(map[string]any{"id": d.ID, "_rid": d.RID, "_self": "dbs/" + d.RID + "/", "_etag": d.ETag, "_ts": d.TS,
		"_colls": "colls/", "_users": "users/"})
	if err != nil {
		panic(err) // of strings and numbers
	}
	return text
}

func (s *Server) createDatabase(c *call) (*answer, error) {
	body, err := c.body(maxMetadata)
	if err != nil {
		return nil, err
	}
	var wanted struct {
		ID string `json:"id"`
	}
	if json.Unmarshal(body, &wanted) != nil {
		return nil, store.Refuse(400, 0, "The request payload is invalid. Ensure to provide a valid request payload.")
	}
	throughput, err := c.throughput()
	if err != nil {
		return nil, err
	}
	d, err := s.store.CreateDatabase(wanted.ID, throughput)
	if err != nil {
		return nil, err
	}
	return resource(201, d.ETag, databaseJSON(d)), nil
}

// resource is the answer with one database, container or offer.
func resource(status int, etag string, body []byte) *answer {
	a := &answer{status: status, body: body, charge: metadataCharge}
	a.set("etag", etag)
	return a
}

func (s *Server) readDatabase(c *call) (*answer, error) {
	d, err := s.store.Database(c.database)
	if err != nil {
		return nil, err
	}
	return resource(200, d.ETag, databaseJSON(d)), nil
}

func (s *Server) deleteDatabase(c *call) (*answer, error) {
	if err := s.store.DeleteDatabase(c.database, c.header("If-Match")); err != nil {
		return nil, err
	}
	return &answer{status: 204, charge: metadataCharge}, nil
}

func (s *Server) listDatabases(c *call) (*answer, error) {
	var all [][]byte
	for _, d := range s.store.Databases() {
		all = append(all, databaseJSON(d))
	}
	return c.list("", "Databases", all)
}

func (s *Server) containerHandlers(feed bool) map[string]func(*call) (*answer, error) {
	if feed {
		return map[string]func(*call) (*answer, error){"Create": s.createContainer, "List": s.listContainers, "Query": s.listContainers}
	}
	return map[string]func(*call) (*answer, error){"Read": s.readContainer, "Replace": s.replaceContainer, "Delete": s.deleteContainer}
}

func (s *Server) createContainer(c *call) (*answer, error) {
	body, err := c.body(maxMetadata)
	if err != nil {
		return nil, err
	}
	throughput, err := c.throughput()
	if err != nil {
		return nil, err
	}
	container, err := s.store.CreateContainer(c.database, body, throughput)
	if err != nil {
		return nil, err
	}
	return resource(201, container.Resource().ETag, container.JSON()), nil
}

func (s *Server) readContainer(c *call) (*answer, error) {
	container, err := s.store.Container(c.database, c.container)
	if err != nil {
		return nil, err
	}
	a := resource(200, container.Resource().ETag, container.JSON())
	if c.flag("x-ms-documentdb-populatequotainfo") {
		items, bytes := container.Size()
		a.set("x-ms-resource-quota", "documentsSize=10485760;documentsCount=-1;collectionSize=10485760;")
		a.set("x-ms-resource-usage", fmt.Sprintf("documentsSize=%d;documentsCount=%d;collectionSize=%[1]d;", bytes/1024, items))
	}
	return a, nil
}

func (s *Server) replaceContainer(c *call) (*answer, error) {
	body, err := c.body(maxMetadata)
	if err != nil {
		return nil, err
	}
	container, err := s.store.ReplaceContainer(c.database, c.container, body, c.header("If-Match"))
	if err != nil {
		return nil, err
	}
	return resource(200, container.Resource().ETag, container.JSON()), nil
}

func (s *Server) deleteContainer(c *call) (*answer, error) {
	if err := s.store.DeleteContainer(c.database, c.container, c.header("If-Match")); err != nil {
		return nil, err
	}
	return &answer{status: 204, charge: metadataCharge}, nil
}

func (s *Server) listContainers(c *call) (*answer, error) {
	containers, err := s.store.Containers(c.database)
	if err != nil {
		return nil, err
	}
	var all [][]byte
	for _, container := range containers {
		all = append(all, container.JSON())
	}
	d, err := s.store.Database(c.database)
	if err != nil {
		return nil, err
	}
	return c.list(d.RID, "DocumentCollections", all)
}
