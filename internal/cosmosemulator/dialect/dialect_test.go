package dialect_test

import (
	"encoding/json"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/internal/cosmosemulator/dialect"
)

func parse(t testing.TB, query string) *dialect.Query {
	t.Helper()
	q, err := dialect.Parse(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return q
}

// documents decodes one JSON document a line.
func documents(t testing.TB, lines string) iter.Seq[any] {
	t.Helper()
	var all []any
	for line := range strings.SplitSeq(strings.TrimSpace(lines), "\n") {
		var doc any
		if err := json.Unmarshal([]byte(line), &doc); err != nil {
			t.Fatalf("%v: %s", err, line)
		}
		all = append(all, doc)
	}
	return slices.Values(all)
}

func text(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const one = `{"id":"1","n":5,"s":"Straße","b":true,"z":null,"list":[1,"two",{"a":1,"b":2}],"in":{"deep":{"x":1}},"a b":7}`

// Expected values are JSON; "" is undefined, for which there is no result.
func TestMatch_of_expressions(t *testing.T) {
	params := dialect.Params{"@n": 5.0, "@int": 5, "@int64": int64(5), "@list": []any{"1", "2"}, "@null": nil}
	tests := []struct{ expression, want string }{
		{"c.n", "5"}, {"c['n']", "5"}, {`c["a b"]`, "7"}, {"c.in.deep.x", "1"}, {"c.list[1]", `"two"`}, {"c.list[2].b", "2"},
		{"c.none", ""}, {"c.none.deeper", ""}, {"c.list[3]", ""}, {"c.list[-1]", ""}, {"c.list[0.5]", ""}, {"c.n.x", ""}, {"c[5]", ""},
		{"@n", "5"}, {"@list[1]", `"2"`}, {"'it\\'s \\u00e9'", `"it's é"`}, {`"a\nb"`, `"a\nb"`}, {"1.5e3", "1500"}, {"-3", "-3"}, {"- -3", "3"}, {"-c.n", "-5"},
		{"undefined", ""}, {"null", "null"}, {"[1, c.none, c.n]", "[1,5]"}, {"{a: c.n, 'b': c.none}", `{"a":5}`}, {"{}", "{}"}, {"[]", "[]"},

		{"c.n = 5", "true"}, {"5 = c.n", "true"}, {"c.n != 5", "false"}, {"c.n <> 4", "true"}, {"c.n = @int", "true"}, {"c.n = @int64", "true"},
		{"c.n = '5'", ""}, {"c.n != '5'", ""}, {"c.none = 5", ""}, {"c.none != 5", ""}, {"c.none = undefined", ""}, {"c.none = null", ""},
		{"c.z = null", "true"}, {"c.z = @null", "true"}, {"c.b = true", "true"}, {"c.in = {deep: {x: 1}}", "true"}, {"c.in = {deep: {x: 2}}", "false"},
		{"c.list = [1, 'two', {b: 2, a: 1}]", "true"},
		{"c.n < 6", "true"}, {"c.n <= 5", "true"}, {"c.n > 5", "false"}, {"c.n >= 5", "true"}, {"c.s > 'S'", "true"}, {"c.s > 1", ""}, {"c.list > [0]", ""}, {"c.b > false", "true"},
		{"c.n BETWEEN 5 AND 6", "true"}, {"c.n NOT BETWEEN 5 AND 6", "false"}, {"c.none BETWEEN 1 AND 2", ""},
		{"c.n IN (1, 5)", "true"}, {"c.n IN (1, 2)", "false"}, {"c.n IN (1, '5')", ""}, {"c.n NOT IN (1, 2)", "true"}, {"c.none IN (1)", ""}, {"c.n IN (@n)", "true"},

		{"true AND c.none", ""}, {"false AND c.none", "false"}, {"c.none AND false", "false"}, {"true OR c.none", "true"}, {"c.none OR true", "true"}, {"false OR c.none", ""},
		{"NOT c.none", ""}, {"NOT c.b", "false"}, {"NOT NOT c.b", "true"}, {"NOT c.n", ""}, {"c.n AND true", ""},
		{"false AND false OR true", "true"}, {"false AND (false OR true)", "false"}, {"NOT c.n = 4", "true"}, {"not C.n = 4 or true", ""},

		{"c.n + 1 * 2", "7"}, {"(c.n + 1) * 2", "12"}, {"10 - 2 - 3", "5"}, {"7 % 4", "3"}, {"1 / 0", ""}, {"1e308 * 10", ""}, {"c.n + '1'", ""}, {"'a' || 'b'", `"ab"`}, {"'a' || 1", ""},
		{"c.none ?? 1", "1"}, {"c.z ?? 1", "null"}, {"c.b ? 1 : 2", "1"}, {"c.none ? 1 : 2", "2"},

		{"CONTAINS(c.s, 'aß')", "true"}, {"contains(c.s, 'STRA')", "false"}, {"CONTAINS(c.s, 'STRA', true)", "true"}, {"CONTAINS(c.n, 'a')", ""},
		{"STARTSWITH(c.s, 'Str')", "true"}, {"STARTSWITH(c.s, 'str', true)", "true"}, {"ENDSWITH(c.s, 'ße')", "true"}, {"STRINGEQUALS(c.s, 'straße', true)", "true"},
		{"ARRAY_CONTAINS(c.list, 'two')", "true"}, {"ARRAY_CONTAINS(c.list, 2)", "false"}, {"ARRAY_CONTAINS(c.list, {a: 1})", "false"}, {"ARRAY_CONTAINS(c.list, {a: 1}, true)", "true"},
		{"ARRAY_CONTAINS(@list, c.id)", "true"}, {"ARRAY_CONTAINS(c.s, 'S')", ""}, {"ARRAY_CONTAINS(c.list, c.none)", ""},
		{"IS_DEFINED(c.z)", "true"}, {"IS_DEFINED(c.none)", "false"}, {"NOT IS_DEFINED(c.none)", "true"}, {"IS_NULL(c.z)", "true"}, {"IS_NULL(c.none)", "false"},
		{"IS_NUMBER(c.n)", "true"}, {"IS_STRING(c.n)", "false"}, {"IS_BOOL(c.b)", "true"}, {"IS_ARRAY(c.list)", "true"}, {"IS_OBJECT(c.in)", "true"}, {"IS_PRIMITIVE(c.list)", "false"}, {"IS_PRIMITIVE(c.z)", "true"},
		{"LOWER(c.s)", `"straße"`}, {"UPPER('a')", `"A"`}, {"LENGTH(c.s)", "6"}, {"CONCAT('a', c.s, 'b')", `"aStraßeb"`}, {"CONCAT('a', 1)", ""},
		{"ABS(-2)", "2"}, {"FLOOR(1.5)", "1"}, {"CEILING(1.5)", "2"}, {"ROUND(2.4)", "2"}, {"ABS('a')", ""}, {"LENGTH(1)", ""}, {"ARRAY_LENGTH(c.list)", "3"}, {"ARRAY_LENGTH(1)", ""},
		{"c.s LIKE 'Str%'", "true"}, {"c.s LIKE '%a_e'", "true"}, {"c.s LIKE 'tr%'", "false"}, {"c.s NOT LIKE '%x%'", "true"}, {"c.s LIKE '%%%'", "true"}, {"c.n LIKE '5'", ""}, {"'aXbXc' LIKE 'a%X_'", "true"},
	}
	docs := slices.Collect(documents(t, one))
	for _, test := range tests {
		t.Run(test.expression, func(t *testing.T) {
			if strings.Contains(test.expression, "C.n") { // names are case-sensitive
				if _, err := dialect.Parse("SELECT VALUE " + test.expression + " FROM c"); err == nil {
					t.Error("another name than the alias is accepted")
				}
				return
			}
			got, ok, err := parse(t, "SELECT VALUE "+test.expression+" FROM c").Match(docs[0], params)
			if err != nil {
				t.Fatal(err)
			}
			if (test.want != "") != ok || ok && text(t, got) != test.want {
				t.Errorf("it is %s (defined: %v), want %q", text(t, got), ok, test.want)
			}
		})
	}
}

const people = `
{"id":"a","team":"red","n":3,"tags":["x"]}
{"id":"b","team":"blue","n":1}
{"id":"c","team":"red","n":"two"}
{"id":"d","team":"blue","n":1}
{"id":"e","team":"red"}
{"id":"f","team":null,"n":true}`

func TestRun(t *testing.T) {
	tests := []struct{ query, want string }{
		{"SELECT VALUE c.id FROM c", `["a","b","c","d","e","f"]`},
		{"SELECT VALUE c.id FROM c WHERE c.team = 'red' AND c.n > 2", `["a"]`},
		{"SELECT VALUE c.id FROM c WHERE c.n = 5", `null`},
		{"SELECT * FROM c WHERE c.id = 'e'", `[{"id":"e","team":"red"}]`},
		{"SELECT c.id, c.n FROM c WHERE c.team = 'red'", `[{"id":"a","n":3},{"id":"c","n":"two"},{"id":"e"}]`},
		{"SELECT p.id AS who, p.tags[0] AS tag, 1 FROM people AS p WHERE p.id = 'a'", `[{"$3":1,"tag":"x","who":"a"}]`},
		{"SELECT p.id who FROM people p WHERE p.id = 'a' -- that one", `[{"who":"a"}]`},
		{"SELECT VALUE c.n FROM c", `[3,1,"two",1,true]`},
		{"SELECT VALUE c.id FROM c ORDER BY c.n", `["e","f","b","d","a","c"]`},
		{"SELECT VALUE c.id FROM c ORDER BY c.n DESC", `["c","a","b","d","f","e"]`},
		{"SELECT VALUE c.id FROM c ORDER BY c.team ASC, c.id DESC", `["f","d","b","e","c","a"]`},
		{"SELECT VALUE c.id FROM c ORDER BY c.id OFFSET 2 LIMIT 3", `["c","d","e"]`},
		{"SELECT VALUE c.id FROM c OFFSET 5 LIMIT 3", `["f"]`},
		{"SELECT VALUE c.id FROM c OFFSET 9 LIMIT 3", `[]`},
		{"SELECT TOP 2 VALUE c.id FROM c ORDER BY c.id DESC", `["f","e"]`},
		{"SELECT TOP 0 * FROM c", `[]`},
		{"SELECT DISTINCT VALUE c.team FROM c", `["red","blue",null]`},
		{"SELECT DISTINCT c.team, c.n FROM c WHERE c.team = 'blue'", `[{"n":1,"team":"blue"}]`},
		{"SELECT VALUE COUNT(1) FROM c", `[6]`},
		{"SELECT VALUE COUNT(c.n) FROM c", `[5]`},
		{"SELECT VALUE COUNT(1) FROM c WHERE c.id = 'nobody'", `[0]`},
		{"SELECT COUNT(1) AS all_, MAX(c.n) AS most, MIN(c.id) AS low FROM c", `[{"all_":6,"low":"a","most":"two"}]`},
		{"SELECT VALUE SUM(c.n) FROM c WHERE c.team = 'blue'", `[2]`},
		{"SELECT VALUE AVG(c.n) FROM c WHERE IS_NUMBER(c.n)", `[1.6666666666666667]`},
		{"SELECT VALUE SUM(c.n) FROM c", `null`}, // not all are numbers
		{"SELECT VALUE AVG(c.n) FROM c WHERE c.id = 'nobody'", `null`},
		{"SELECT VALUE COUNT(1) + 1 FROM c", `[7]`},
		{"SELECT c.team, COUNT(1) AS n FROM c GROUP BY c.team", `[{"n":3,"team":"red"},{"n":2,"team":"blue"},{"n":1,"team":null}]`},
		{"SELECT c.n, 'k' AS k FROM c WHERE c.team = 'blue' GROUP BY c.n", `[{"k":"k","n":1}]`},
		{"SELECT COUNT(1) AS n FROM c WHERE false GROUP BY c.team", `null`},
	}
	for _, test := range tests {
		t.Run(test.query, func(t *testing.T) {
			got, err := parse(t, test.query).Run(documents(t, people), nil)
			if err != nil {
				t.Fatal(err)
			}
			if text(t, got) != test.want {
				t.Errorf("%s, want %s", text(t, got), test.want)
			}
		})
	}
}

func TestParse_refuses(t *testing.T) {
	tests := []struct{ query, says string }{
		{"", "ends where something must follow"}, {"SELECT", "ends where"}, {"SELEKT * FROM c", `near "SELEKT"`}, {"SELECT * FROM c WHERE", "ends where"},
		{"SELECT * FROM c WHERE c.n = = 1", "incorrect syntax"}, {"SELECT * FROM c extra words", `near "words"`}, {"SELECT * FROM c; DROP", "incorrect syntax near"},
		{"SELECT d.n FROM c", `"d" could not be resolved`}, {"SELECT * FROM c WHERE n = 1", `"n" could not be resolved`},
		{"SELECT 'open FROM c", "has no end"}, {`SELECT "\q" FROM c`, "escape"}, {"SELECT 1.2.3 FROM c", "is no number"}, {"SELECT c. FROM c", ""}, {"SELECT c.1 FROM c", ""},
		{"SELECT * FROM c JOIN t IN c.tags", "JOIN is not supported"}, {"SELECT * FROM t IN c.tags", "not supported"}, {"SELECT * FROM c.tags", "not supported"},
		{"SELECT * FROM c WHERE EXISTS(SELECT 1)", "EXISTS is not supported"}, {"SELECT (SELECT 1) FROM c", "Subqueries"}, {"SELECT ARRAY(SELECT 1) FROM c", "ARRAY is not supported"},
		{"SELECT udf.f(1) FROM c", "User-defined"}, {"SELECT ST_DISTANCE(c.a, c.b) FROM c", "not a function"}, {"SELECT FullTextContains(c.a, 'x') FROM c", "not a function"},
		{"SELECT LOWER() FROM c", "takes 1 to 1"}, {"SELECT CONTAINS('a') FROM c", "takes 2 to 3"}, {"SELECT COUNT(1, 2) FROM c", "takes one value"},
		{"SELECT * FROM c WHERE COUNT(1) > 1", "SELECT only"}, {"SELECT * FROM c GROUP BY c.a", "not valid with GROUP BY"}, {"SELECT c.b FROM c GROUP BY c.a", "GROUP BY clause"},
		{"SELECT c.b, COUNT(1) FROM c", "GROUP BY clause"}, {"SELECT * FROM c ORDER BY LOWER(c.a)", "document path"}, {"SELECT * FROM c ORDER BY c", "document path"}, {"SELECT * FROM c ORDER BY c.a[0]", "document path"},
		{"SELECT COUNT(1) FROM c ORDER BY c.a", "ORDER BY is not supported"},
		{"SELECT TOP @n * FROM c", "no parameters"}, {"SELECT TOP 1.5 * FROM c", "near"}, {"SELECT TOP -1 * FROM c", "near"}, {"SELECT * FROM c OFFSET 1", "ends where"}, {"SELECT * FROM c LIMIT 1", "near"},
		{"SELECT * FROM c WHERE c.s LIKE 'a' ESCAPE '!'", "ESCAPE"}, {"SELECT {a 1} FROM c", "near"}, {"SELECT [1 FROM c", "near"}, {"SELECT c.a IN () FROM c", "near"},
		{"SELECT " + strings.Repeat("(", 1000) + "1", "nested too deeply"}, {"SELECT " + strings.Repeat("NOT ", 1000) + "1 FROM c", "nested too deeply"},
		{"SELECT " + strings.Repeat("- ", 1000) + "1 FROM c", "nested too deeply"}, {"SELECT 1" + strings.Repeat("+1", 1000) + " FROM c", "too long"},
		{"SELECT c" + strings.Repeat(".a", 1000) + " FROM c", "too long"}, {strings.Repeat(" ", 600<<10), "bytes"},
		{"SELECT \xff FROM c", "incorrect syntax"},
	}
	for _, test := range tests {
		t.Run(test.query[:min(len(test.query), 60)], func(t *testing.T) {
			_, err := dialect.Parse(test.query)
			var refused *dialect.Error
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("it says %v, want %q", err, test.says)
			}
		})
	}
}

func TestMatch_refuses(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	docs := slices.Collect(documents(t, `{"s":"`+long+`","list":[1]}`))
	for name, query := range map[string]string{
		"parameter_without_value":    "SELECT * FROM c WHERE c.s = @none",
		"too_many_columns":           "SELECT c.s a, c.s b, c.s d, c.s e FROM c",
		"too_long_an_array":          "SELECT VALUE [c.s, c.s, c.s, c.s, c.s] FROM c",
		"an_object_in_an_object":     "SELECT VALUE {a: {b: c.s, c: c.s}, d: {b: c.s, c: c.s}} FROM c",
		"too_long_a_string":          "SELECT VALUE c.s || c.s || c.s || c.s || c.s FROM c",
		"too_long_a_concatenation":   "SELECT VALUE CONCAT(c.s, c.s, c.s, c.s, c.s) FROM c",
		"brackets_in_a_LIKE_pattern": "SELECT * FROM c WHERE c.s LIKE '[a-z]'",
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := parse(t, query).Match(docs[0], nil)
			var refused *dialect.Error
			if !errors.As(err, &refused) {
				t.Errorf("error %v, want a refusal", err)
			}
		})
	}
}

func TestRefusal_of_what_needs_one_partition(t *testing.T) {
	for query, want := range map[string]string{
		"SELECT * FROM c WHERE c.a = 1":          "",
		"SELECT c.a FROM c ORDER BY c.a":         "ORDER BY",
		"SELECT TOP 1 * FROM c":                  "TOP",
		"SELECT * FROM c OFFSET 0 LIMIT 1":       "OFFSET LIMIT",
		"SELECT c.a FROM c GROUP BY c.a":         "GROUP BY",
		"SELECT DISTINCT c.a FROM c":             "DISTINCT",
		"SELECT VALUE COUNT(1) FROM c":           "an aggregate",
		"SELECT VALUE {a: {b: MAX(c.a)}} FROM c": "an aggregate",
	} {
		if got := parse(t, query).Refusal(); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
}

func TestPartitionKey(t *testing.T) {
	one, two := [][]string{{"pk"}}, [][]string{{"tenant"}, {"a", "b"}}
	params := dialect.Params{"@p": "x", "@list": []any{"x"}}
	tests := []struct {
		query string
		paths [][]string
		want  []any
	}{
		{"SELECT * FROM c WHERE c.pk = 'x'", one, []any{"x"}},
		{"SELECT * FROM c WHERE @p = c['pk'] AND c.n > 1", one, []any{"x"}},
		{"SELECT * FROM c WHERE c.pk = null", one, []any{nil}},
		{"SELECT * FROM c WHERE c.tenant = 't' AND c.a.b = 5", two, []any{"t", 5.0}},
		{"SELECT * FROM c WHERE c.tenant = 't'", two, nil},
		{"SELECT * FROM c WHERE c.a.b.c = 't' AND c.tenant = 't'", two, nil},
		{"SELECT * FROM c", one, nil},
		{"SELECT * FROM c WHERE c.pk != 'x'", one, nil},
		{"SELECT * FROM c WHERE c.pk = 'x' OR c.n = 1", one, nil},
		{"SELECT * FROM c WHERE NOT c.pk = 'x'", one, nil},
		{"SELECT * FROM c WHERE c.pk = c.n", one, nil},
		{"SELECT * FROM c WHERE c.pk = @list", one, nil},
		{"SELECT * FROM c WHERE c.pk = @none", one, nil},
	}
	for _, test := range tests {
		t.Run(test.query, func(t *testing.T) {
			got, ok := parse(t, test.query).PartitionKey(test.paths, params)
			if diff := cmp.Diff(test.want, got); ok != (test.want != nil) || ok && diff != "" {
				t.Errorf("%v, %v, want %v", got, ok, test.want)
			}
		})
	}
}

func TestParseCondition(t *testing.T) {
	docs := slices.Collect(documents(t, one))
	for condition, want := range map[string]bool{"from c where c.n = 5": true, "FROM x WHERE x.n = 6": false, "from c": true} {
		q, err := dialect.ParseCondition(condition)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok, err := q.Match(docs[0], nil); ok != want || err != nil {
			t.Errorf("%s: %v, %v", condition, ok, err)
		}
	}
	for _, condition := range []string{"", "where c.n = 5", "from c where", "from c where d.n = 5", "from c order by c.n"} {
		if _, err := dialect.ParseCondition(condition); err == nil {
			t.Errorf("%q is accepted", condition)
		}
	}
}

// FuzzParse gives any query any document: neither panics, what it answers is JSON, and Match and Run agree.
func FuzzParse(f *testing.F) {
	for _, query := range []string{
		"SELECT * FROM c WHERE c.n IN (1, @p) AND NOT CONTAINS(c.s, 'a', true) OR c.n BETWEEN 1 AND 2 -- x",
		"SELECT DISTINCT TOP 3 c.a[0]['b'] AS x, {a: 1 ?? 2}, [c.b ? 1 : 2] FROM root AS c ORDER BY c.n DESC, c.s OFFSET 1 LIMIT 2",
		"SELECT c.s, COUNT(1) + AVG(c.n) AS n FROM c GROUP BY c.s", "SELECT VALUE c.s LIKE '%a_' FROM c", "SELECT VALUE -1e5 || 'a\\u0041' FROM c",
	} {
		f.Add(query, `{"n":1,"s":"ab","a":[{"b":1}]}`)
	}
	f.Fuzz(func(t *testing.T, query, document string) {
		var doc any
		q, err := dialect.Parse(query)
		if err != nil || json.Unmarshal([]byte(document), &doc) != nil {
			return
		}
		params := dialect.Params{"@p": 1.0}
		all, err := q.Run(slices.Values([]any{doc, doc}), params)
		if err == nil {
			text(t, all)
		}
		if q.Refusal() != "" {
			return
		}
		one, ok, matchErr := q.Match(doc, params)
		if (matchErr == nil) != (err == nil) {
			t.Fatalf("Match says %v, Run %v", matchErr, err)
		}
		if want := 2; err == nil && (len(all) == want) != ok || ok && text(t, one) != text(t, all[0]) {
			t.Fatalf("Match makes %v %s, Run %s", ok, text(t, one), text(t, all))
		}
	})
}
