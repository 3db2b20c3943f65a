package store

import (
	"encoding/json"
	"math"
	"slices"

	"github.com/keywarden/keywarden/internal/cosmosemulator/epk"
)

// Key is a partition key value of a container: all its levels.
type Key struct {
	Values []any  // string, float64, bool, nil or epk.Undefined
	EPK    string // its place in the key space
	text   string // canonical, as JSON; {} is undefined
}

// String is the key as the service writes it, [{}] being an undefined one.
func (k Key) String() string { return k.text }

// Key makes a key of values, one for each level.
func (c *Container) Key(values []any) (Key, error) {
	if len(values) != len(c.Paths) {
		return Key{}, Refuse(400, 1001, "Partition key provided either doesn't correspond to definition in the collection or doesn't match "+
			"partition key field values specified in the document: it has %d values, the container has %d paths.", len(values), len(c.Paths))
	}
	values = slices.Clone(values)
	plain := make([]any, len(values))
	for i, v := range values {
		switch v := v.(type) {
		case nil, bool:
			plain[i] = v
		case float64:
			values[i] = v + 0 // -0 is 0
			plain[i] = v + 0
			if math.IsInf(v, 0) || math.IsNaN(v) {
				return Key{}, Refuse(400, 0, "A number in the partition key is out of range.")
			}
		case string:
			if len(v) > maxKeyBytes {
				return Key{}, Refuse(400, 0, "Partition key value has %d bytes, the most are %d.", len(v), maxKeyBytes)
			}
			plain[i] = v
		case epk.Undefined:
			plain[i] = struct{}{}
		default:
			return Key{}, Refuse(400, 0, "Partition key values are strings, numbers, true, false, null or {}.")
		}
	}
	text, err := json.Marshal(plain)
	if err != nil {
		return Key{}, Refuse(400, 0, "The partition key cannot be read.")
	}
	return Key{Values: values, EPK: c.definition.Hash(values), text: string(text)}, nil
}

// ParseKey reads a key as it stands in the header x-ms-documentdb-partitionkey: a JSON array.
func (c *Container) ParseKey(header string) (Key, error) {
	var raw []any
	if err := json.Unmarshal([]byte(header), &raw); err != nil {
		return Key{}, Refuse(400, 0, "Partition key %.100q is invalid: it is a JSON array of the values.", header)
	}
	for i, v := range raw {
		if object, ok := v.(map[string]any); ok && len(object) == 0 {
			raw[i] = epk.Undefined{}
		}
	}
	return c.Key(raw)
}
