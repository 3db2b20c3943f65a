package azurelog

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRaws_are_what_the_decoder_reads(t *testing.T) {
	type raw struct {
		Data   string
		Offset int64
		Whole  bool
	}
	for name, test := range map[string]struct {
		data string
		want []raw
	}{
		"envelope":         {`{"records":[{"a":1},{"b":"}{"}]}`, []raw{{`{"a":1}`, 12, true}, {`{"b":"}{"}`, 20, true}}},
		"part_of_envelope": {`,{"a":1}],"x":1}`, []raw{{`{"a":1}`, 1, true}}},
		"lines":            {"{\"a\":1}\n{\"b\":2}\n", []raw{{`{"a":1}`, 0, true}, {`{"b":2}`, 8, true}}},
		"cut_off":          {`{"a":1}` + "\n" + `{"b":"`, []raw{{`{"a":1}`, 0, true}, {`{"b":"`, 8, false}}},
		"garbage":          {"hello\n{\"a\":1}", []raw{{"hello", 0, false}, {`{"a":1}`, 6, true}}},
		"nothing":          {" \n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []raw
			for r := range (Block{Data: []byte(test.data)}).Raws() {
				got = append(got, raw{string(r.Data), r.Offset, r.Whole})
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
			fragments, poison := NewDecoder().Decode(nil, Block{Data: []byte(strings.Clone(test.data))})
			if len(fragments)+len(poison) > len(got) {
				t.Errorf("the decoder reads %d fragments and %d poison", len(fragments), len(poison))
			}
		})
	}
}
