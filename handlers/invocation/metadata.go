package invocation

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"
)

// Retry is how often the host has tried this invocation. It is zero where
// function.json has no retry policy.
type Retry struct {
	Count int // tries before this one
	Max   int // tries after the first that the policy allows; -1 without end
}

// wire is an invocation as it came: the texts of the members of Data and Metadata.
type wire struct {
	data, metadata map[string][]byte
}

// parse takes the body of an invocation apart. Member names are those of the host, by the letter.
func parse(body []byte) (wire, error) {
	w := wire{data: map[string][]byte{}, metadata: map[string][]byte{}}
	found := false
	err := members(body, func(key string, value []byte) error {
		switch key {
		case "Data":
			found = true
			return members(value, func(key string, value []byte) error { w.data[key] = value; return nil })
		case "Metadata":
			return members(value, func(key string, value []byte) error { w.metadata[key] = value; return nil })
		}
		return nil
	})
	if err == nil && !found {
		err = errors.New("no Data in it")
	}
	if err != nil {
		return wire{}, fmt.Errorf("invocation: %w", err)
	}
	return w, nil
}

// binding is the text of a binding's data.
func (w *wire) binding(name string) ([]byte, error) {
	value := w.data[name]
	if value == nil {
		return nil, fmt.Errorf("invocation: no Data.%s: function.json must name its trigger so", name)
	}
	return value, nil
}

// retry reads the two counts of RetryContext and passes over the rest.
func (w *wire) retry() (Retry, error) {
	var r Retry
	value := w.metadata["RetryContext"]
	if value == nil || isNull(value) {
		return r, nil
	}
	err := members(value, func(key string, value []byte) (err error) {
		switch key {
		case "RetryCount":
			r.Count, err = strconv.Atoi(string(value))
		case "MaxRetryCount":
			r.Max, err = strconv.Atoi(string(value))
		}
		return err
	})
	if err != nil {
		return Retry{}, fmt.Errorf("invocation: RetryContext: %w", err)
	}
	return r, nil
}

// list reads a member of Metadata that has an element for each event: the
// array, wrapped in a string or not, or the single value where the host sends
// one event. It is nil where Metadata has neither.
func (w *wire) list(array, single string) ([]string, error) {
	if value := w.metadata[array]; value != nil {
		texts, err := unwrapArray(value)
		if err != nil {
			return nil, fmt.Errorf("invocation: %s: %w", array, err)
		}
		all := make([]string, len(texts))
		for i, text := range texts {
			if all[i], err = plain(text); err != nil {
				return nil, fmt.Errorf("invocation: %s: %w", array, err)
			}
		}
		return all, nil
	}
	value := w.metadata[single]
	if value == nil {
		return nil, nil
	}
	text, err := plain(value)
	if err == nil && len(text) >= 2 && text[0] == '"' { // "\"616008\""
		text, err = plain([]byte(text))
	}
	if err != nil {
		return nil, fmt.Errorf("invocation: %s: %w", single, err)
	}
	return []string{text}, nil
}

// unwrap returns the JSON that a string holds, and other values as they are.
func unwrap(value []byte) ([]byte, error) {
	if isString(value) {
		return unquote(value)
	}
	return value, nil
}

func unwrapArray(value []byte) ([][]byte, error) {
	array, err := unwrap(value)
	if err != nil {
		return nil, err
	}
	return elements(array)
}

// plain is what a string says, the digits of a number, or "" for null.
func plain(value []byte) (string, error) {
	switch {
	case isNull(value):
		return "", nil
	case value[0] == '{', value[0] == '[':
		return "", errors.New("an object or array where a string or number must be")
	}
	text, err := unwrap(value)
	return string(text), err
}

func isNull(value []byte) bool { return string(value) == "null" }

// raw is an object's text; nil for an empty object and null.
func raw(value []byte) json.RawMessage {
	if isNull(value) || string(value) == "{}" {
		return nil
	}
	return value
}

// instant reads a time of .NET, which is UTC where it names no zone. The year 1 is no time.
func instant(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse("2006-01-02T15:04:05.999999999", s)
	if err != nil {
		t, err = time.Parse(time.RFC3339Nano, s)
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("invocation: no time: %.40q", s)
	}
	if t.Year() <= 1 {
		return time.Time{}, nil
	}
	return t.UTC(), nil
}
