package cosmosemulator

import (
	"encoding/json"

	"github.com/keywarden/keywarden/internal/cosmosemulator/store"
)

// account is the read of the account, by which clients find its regions.
func (s *Server) account(c *call) (*answer, error) {
	endpoint := s.config.Endpoint
	if endpoint == "" {
		scheme := "http://"
		if c.request.TLS != nil || c.request.URL.Scheme == "https" {
			scheme = "https://"
		}
		endpoint = scheme + c.request.Host + "/"
	}
	region := []map[string]string{{"name": s.config.Region, "databaseAccountEndpoint": endpoint}}
	body, err := json.Marshal(map[string]any{
		"id": "emulator", "_rid": "emulator", "_self": "", "media": "//media/", "addresses": "//addresses/", "_dbs": "//dbs/",
		"writableLocations": region, "readableLocations": region, "enableMultipleWriteLocations": false,
		"userReplicationPolicy":   map[string]any{"asyncReplication": false, "minReplicaSetSize": 1, "maxReplicasetSize": 1},
		"userConsistencyPolicy":   map[string]string{"defaultConsistencyLevel": s.config.Consistency},
		"systemReplicationPolicy": map[string]any{"minReplicaSetSize": 1, "maxReplicasetSize": 1},
	})
	return &answer{status: 200, body: body}, err
}

// strength orders the consistency levels; 0 is none.
func strength(level string) int {
	return map[string]int{"Strong": 5, "BoundedStaleness": 4, "Session": 3, "ConsistentPrefix": 2, "Eventual": 1}[level]
}

// checkConsistency refuses a level that is not one or is stronger than the account's.
func (s *Server) checkConsistency(c *call) error {
	level := c.header("x-ms-consistency-level")
	if level == "" {
		return nil
	}
	if n := strength(level); n == 0 || n > strength(s.config.Consistency) {
		return store.Refuse(400, 0, "ConsistencyLevel %.40s specified in the request is invalid when service is configured with consistency level %s.",
			level, s.config.Consistency)
	}
	return nil
}
