package azurelog

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// drawJSON draws any JSON value.
func drawJSON(t *rapid.T, depth int) any {
	kinds := 7
	if depth == 0 {
		kinds = 5
	}
	switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
	case 0:
		return nil
	case 1:
		return rapid.Bool().Draw(t, "bool")
	case 2:
		return rapid.Int64().Draw(t, "int")
	case 3:
		return rapid.Float64().Draw(t, "float")
	case 4:
		return rapid.String().Draw(t, "string")
	case 5:
		return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) any { return drawJSON(t, depth-1) }), 0, 4).Draw(t, "array")
	}
	return rapid.MapOfN(rapid.String(), rapid.Custom(func(t *rapid.T) any { return drawJSON(t, depth-1) }), 0, 4).Draw(t, "object")
}

// marshal writes v, at times over several lines.
func marshal(t *rapid.T, v any) []byte {
	if rapid.Bool().Draw(t, "indented") {
		return must(json.MarshalIndent(v, "", "\t"))
	}
	return must(json.Marshal(v))
}

// TestDifferential compares to what encoding/json makes of the same record.
func TestDifferential(t *testing.T) {
	d := NewDecoder() // one for all, so that predictions are wrong
	rapid.Check(t, func(t *rapid.T) {
		properties := map[string]any{}
		record := map[string]any{"category": "RequestResponse", "time": "2026-09-07T00:00:35Z"}
		for _, name := range []string{"modelName", "modelDeploymentName", "objectId", "apimSubscriptionId", "novel", `es"caped`} {
			if rapid.Bool().Draw(t, name) {
				properties[name] = drawJSON(t, 2)
			}
		}
		for _, name := range []string{"operationName", "resultDescription", "extra", "identity"} {
			if rapid.Bool().Draw(t, name) {
				record[name] = drawJSON(t, 2)
			}
		}
		record["properties"] = properties
		if rapid.Bool().Draw(t, "embedded") {
			record["properties"] = string(marshal(t, properties))
		}
		line := marshal(t, record)

		got, bad := d.Decode(nil, Block{Data: line})
		if len(got) != 1 || len(bad) > 0 {
			t.Fatalf("%d fragments, poison %v of %s", len(got), bad, line)
		}
		f := got[0]
		for name, text := range map[string]string{"modelName": f.Call.Model, "modelDeploymentName": f.Call.Deployment} {
			if want := plainText(t, properties[name]); text != want {
				t.Fatalf("%s is %q, want %q, in %s", name, text, want, line)
			}
		}
		if want := plainText(t, record["operationName"]); f.Call.Operation != want {
			t.Fatalf("the operation is %q, want %q, in %s", f.Call.Operation, want, line)
		}
	})
}

// plainText is the string, number or literal that encoding/json reads from v
// as it writes it; "" for others.
func plainText(t *rapid.T, v any) string {
	switch v.(type) {
	case nil, []any, map[string]any:
		return ""
	}
	written, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var s string
	if json.Unmarshal(written, &s) == nil {
		return s
	}
	return string(written)
}
