package cosmos

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"io"
	"sync"
)

// packed is bytes that are stored deflated, in base64: what a write costs goes
// by its size.
type packed []byte

var writers = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, flate.DefaultCompression) // fails for levels that are none only
	return w
}}

// MarshalJSON implements json.Marshaler.
func (p packed) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	w := writers.Get().(*flate.Writer)
	defer writers.Put(w)
	w.Reset(&b)
	if _, err := w.Write(p); err != nil {
		return nil, fmt.Errorf("deflate: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("deflate: %w", err)
	}
	return json.Marshal(b.Bytes())
}

// unpackedMost is how many bytes a document may hold when unpacked.
const unpackedMost = 64 << 20

// UnmarshalJSON implements json.Unmarshaler.
func (p *packed) UnmarshalJSON(text []byte) error {
	var deflated []byte
	if err := json.Unmarshal(text, &deflated); err != nil {
		return err
	}
	data, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(deflated)), unpackedMost+1))
	if err != nil {
		return fmt.Errorf("inflate: %w", err)
	}
	if len(data) > unpackedMost {
		return fmt.Errorf("inflate: more than %d bytes", unpackedMost)
	}
	*p = data
	return nil
}
