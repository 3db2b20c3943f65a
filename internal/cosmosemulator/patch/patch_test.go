package patch_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/cosmosemulator/patch"
)

var keys = [][]string{{"pk"}, {"address", "zip"}}

const document = `{"id":"1","pk":"p","n":1,"big":9007199254740993,"text":"t","list":[1,2,3],"in":{"a":{"b":true}},"a/b~c":0,"address":{"zip":1,"town":"x"}}`

func TestApply(t *testing.T) {
	tests := []struct {
		name, operations string
		path             string // of what is looked at afterwards
		want             string // its JSON; "" is that there is nothing; "!…" is in the error
	}{
		{"add_new", `{"op":"add","path":"/new","value":{"x":[]}}`, "new", `{"x":[]}`},
		{"add_existing", `{"op":"add","path":"/text","value":"u"}`, "text", `"u"`},
		{"add_null", `{"op":"add","path":"/text"}`, "text", `null`},
		{"add_deep", `{"op":"add","path":"/in/a/c","value":1}`, "in", `{"a":{"b":true,"c":1}}`},
		{"add_under_nothing", `{"op":"add","path":"/no/c","value":1}`, "", `!there is no "no"`},
		{"add_under_text", `{"op":"add","path":"/text/c","value":1}`, "", `!no object`},
		{"add_to_array", `{"op":"add","path":"/list/1","value":9}`, "list", `[1,9,2,3]`},
		{"add_at_the_end", `{"op":"add","path":"/list/-","value":9}`, "list", `[1,2,3,9]`},
		{"add_behind_the_end", `{"op":"add","path":"/list/4","value":9}`, "", `!no place`},
		{"add_at_minus_one", `{"op":"add","path":"/list/-1","value":9}`, "", `!no place`},
		{"set_in_array", `{"op":"set","path":"/list/1","value":9}`, "list", `[1,9,3]`},
		{"set_at_the_end", `{"op":"set","path":"/list/3","value":9}`, "list", `[1,2,3,9]`},
		{"set_new", `{"op":"set","path":"/new","value":1.50}`, "new", `1.50`},
		{"replace", `{"op":"replace","path":"/in/a","value":0}`, "in", `{"a":0}`},
		{"replace_nothing", `{"op":"replace","path":"/new","value":0}`, "", `!nothing to replace`},
		{"replace_in_array", `{"op":"replace","path":"/list/2","value":0}`, "list", `[1,2,0]`},
		{"remove", `{"op":"remove","path":"/in/a/b"}`, "in", `{"a":{}}`},
		{"remove_nothing", `{"op":"remove","path":"/new"}`, "", `!nothing to remove`},
		{"remove_from_array", `{"op":"remove","path":"/list/0"}`, "list", `[2,3]`},
		{"remove_behind_the_end", `{"op":"remove","path":"/list/3"}`, "", `!nothing to remove`},
		{"incr", `{"op":"incr","path":"/n","value":-3}`, "n", `-2`},
		{"incr_new", `{"op":"incr","path":"/new","value":3}`, "new", `3`},
		{"incr_fraction", `{"op":"incr","path":"/n","value":0.5}`, "n", `1.5`},
		{"incr_in_array", `{"op":"incr","path":"/list/0","value":1}`, "list", `[2,2,3]`},
		{"incr_text", `{"op":"incr","path":"/text","value":1}`, "", `!no number`},
		{"incr_by_text", `{"op":"incr","path":"/n","value":"1"}`, "", `!no number`},
		{"incr_out_of_range", `{"op":"incr","path":"/n","value":1e308},{"op":"incr","path":"/n","value":1e308}`, "", `!out of range`},
		{"move", `{"op":"move","from":"/in/a","path":"/n"}`, "n", `{"b":true}`},
		{"move_takes_away", `{"op":"move","from":"/in/a","path":"/n"}`, "in", `{}`},
		{"move_nothing", `{"op":"move","from":"/new","path":"/n"}`, "", `!nothing at`},
		{"move_into_itself", `{"op":"move","from":"/in","path":"/in/a/c"}`, "", `!into itself`},
		{"escaped", `{"op":"set","path":"/a~1b~0c","value":7}`, "a/b~c", `7`},
		{"beside_the_key", `{"op":"set","path":"/address/town","value":"y"}`, "address", `{"town":"y","zip":1}`},
		{"others_keep_their_numbers", `{"op":"set","path":"/new","value":1}`, "big", `9007199254740993`},
		{"one_after_the_other", `{"op":"add","path":"/x","value":{}},{"op":"add","path":"/x/y","value":1},{"op":"incr","path":"/x/y","value":1}`, "x", `{"y":2}`},
		{"id", `{"op":"set","path":"/id","value":"2"}`, "", `!not allowed`},
		{"id_away", `{"op":"move","from":"/id","path":"/x"}`, "", `!not allowed`},
		{"etag", `{"op":"remove","path":"/_etag"}`, "", `!not allowed`},
		{"key", `{"op":"set","path":"/pk","value":"q"}`, "", `!partition key`},
		{"key_nested", `{"op":"set","path":"/address/zip","value":2}`, "", `!partition key`},
		{"parent_of_key", `{"op":"remove","path":"/address"}`, "", `!partition key`},
		{"unknown", `{"op":"test","path":"/n","value":1}`, "", `!must be add`},
		{"no_path", `{"op":"set","value":1}`, "", `!not allowed`},
		{"relative_path", `{"op":"set","path":"n","value":1}`, "", `!not allowed`},
		{"none", ``, "", `!must have 1 to 10`},
		{"eleven", strings.Repeat(`{"op":"incr","path":"/n","value":1},`, 10) + `{"op":"incr","path":"/n","value":1}`, "", `!must have 1 to 10`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := apply(`{"operations":[` + test.operations + `]}`)
			if reason, refused := strings.CutPrefix(test.want, "!"); refused {
				var e *patch.Error
				if !errors.As(err, &e) || !strings.Contains(err.Error(), reason) {
					t.Fatalf("error %v, want one with %q", err, reason)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var doc map[string]json.RawMessage
			if err := json.Unmarshal(got, &doc); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, string(doc[test.path])); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func apply(body string) ([]byte, error) {
	p, err := patch.Parse([]byte(body), keys)
	if err != nil {
		return nil, err
	}
	return p.Apply([]byte(document))
}

// What comes out is JSON with the id and the partition key that went in, whatever the patch.
func FuzzApply(f *testing.F) {
	f.Add(`{"operations":[{"op":"add","path":"/list/-","value":1}]}`)
	f.Add(`{"condition":"from c","operations":[{"op":"move","from":"/in/a","path":"/list/0"},{"op":"remove","path":"/list/1"}]}`)
	f.Add(`{"operations":[{"op":"incr","path":"/n","value":1e999}]}`)
	f.Add(`{"operations":[{"op":"set","path":"/~","value":[{}]},{"op":"set","path":"/~/0/a","value":1}]}`)
	f.Fuzz(func(t *testing.T, body string) {
		got, err := apply(body)
		if err != nil {
			var e *patch.Error
			if !errors.As(err, &e) {
				t.Fatalf("error of type %T: %v", err, err)
			}
			return
		}
		var doc struct {
			ID      string `json:"id"`
			PK      string `json:"pk"`
			Address struct {
				Zip int `json:"zip"`
			} `json:"address"`
		}
		if err := json.Unmarshal(got, &doc); err != nil {
			t.Fatalf("%v: %s", err, got)
		}
		if doc.ID != "1" || doc.PK != "p" || doc.Address.Zip != 1 {
			t.Errorf("%s changes the id or the key: %s", body, got)
		}
	})
}
