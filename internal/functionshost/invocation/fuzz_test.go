package invocation

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"
)

// FuzzJudge judges any answer of a handler: one verdict, and lines of the log
// for a success alone.
func FuzzJudge(f *testing.F) {
	for _, body := range []string{`{}`, `{"Outputs":{},"Logs":["a",1,null],"ReturnValue":null}`, `null`, "", "\xef\xbb\xbf{}", `[1]`, `{"Logs":[{}]}`, `{"logs":"x"}`} {
		f.Add(200, "application/json; charset=utf-8", []byte(body))
	}
	f.Add(503, "text/plain", []byte("not yet"))
	f.Fuzz(func(t *testing.T, status int, media string, body []byte) {
		answer := &http.Response{StatusCode: status, Status: "200 OK", Header: http.Header{"Content-Type": {media}}}
		v, logs, err := Judge(answer, body)
		if (v == Failure) != (err != nil) || v != Success && logs != nil {
			t.Errorf("%v with %d lines, error %v", v, len(logs), err)
		}
		if err != nil && !json.Valid(Exception(err, "f", NewID())) {
			t.Error("the exception that the next try is told of is no JSON")
		}
	})
}

// FuzzEvents hands any events over, in every shape: what the handler gets is JSON.
func FuzzEvents(f *testing.F) {
	f.Add([]byte(`{"records":[],"sys":1,"PartitionContext":"x"}`), []byte("\xff\x00"), "key", true)
	f.Add([]byte(`"text"`), []byte(`[1, 2]`), "", false)
	f.Fuzz(func(t *testing.T, first, second []byte, key string, keyed bool) {
		events := []Event{{Body: first, Offset: "1:2:3", Sequence: 1, Enqueued: time.UnixMilli(1)}, {Body: second, Offset: "7", Sequence: 2}}
		if keyed {
			events[0].PartitionKey = &key
		}
		for _, dataType := range []string{"binary", "string", ""} {
			for _, many := range []bool{true, false} {
				given := events
				if !many {
					given = events[:1]
				}
				content, err := Events(Shape{Name: "events", Many: many, DataType: dataType}, Hub{Name: key, Partition: "0"}, given)
				if err != nil {
					continue // an event that is no JSON where the data type is not set
				}
				if body := content.Body("f", time.UnixMilli(0), nil); !json.Valid(body) {
					t.Errorf("data type %q, many %v: no JSON: %s", dataType, many, body)
				}
			}
		}
	})
}
