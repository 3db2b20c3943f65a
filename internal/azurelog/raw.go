package azurelog

import "iter"

// Raw is a piece of a Block as it was written: a record, or what stands where
// one should be.
type Raw struct {
	Data   []byte // in the memory of the Block
	Offset int64  // in the decompressed stream
	Whole  bool   // an object whose brackets and strings close; the Decoder may still find it to be poison
}

// Raws are the pieces that Decode would read, one after the other, without the
// envelopes around them and without reading what is in them.
func (b Block) Raws() iter.Seq[Raw] {
	return func(yield func(Raw) bool) {
		data := b.Data
		for i := 0; i < len(data); {
			if n := soft(data, i); n > 0 {
				i += n
				continue
			}
			end, _ := pieceEnd(data, i, true)
			if around(data, i) {
				i = end
				continue
			}
			var s skim
			piece := Raw{Data: data[i:end:end], Offset: b.Offset + int64(i)}
			if data[i] == '{' {
				_, how := s.run(piece.Data, 0)
				piece.Whole = how == whole
			}
			if !yield(piece) {
				return
			}
			i = end
		}
	}
}

// around reports whether an envelope's head or a part of its tail stands at b[i].
func around(b []byte, i int) bool {
	how := broken
	switch b[i] {
	case '{':
		_, how = header(b, i)
	case '"':
		_, how = tail(b, i, true)
	}
	return how == whole
}
