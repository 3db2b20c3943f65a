// Package azurelog reads and writes Azure's diagnostic records.
//
// A [Scanner] cuts a stream of any size, plain or compressed by gzip, into
// [Block]s that hold whole records; a [Decoder] reads the [Fragment]s of a
// Block, or of the body of an Event Hubs message, which is a Block as it is.
// Several Decoders may read the Blocks of one Scanner at once: the result does
// not depend on where the stream was cut, but for Ordinal, which counts in the
// Block. It is one pass over the bytes, without a map or an allocation for a
// record. [Append] writes the record that decodes to a Fragment.
//
// # What is accepted
//
// Bare records, envelopes {"records":[…]}, arrays, one to a line, joined, over
// several lines, and any mixture. The brackets and commas around records are
// not checked, so that a part of an envelope reads like the whole. Members that
// are not used are checked for their brackets and strings only. Of two equal
// keys the last one counts; the case of known keys and categories does not
// matter. Strings that are kept become valid UTF-8.
//
// # What is set aside
//
// What cannot be read is [Poison]: broken JSON, a record nested deeper than 128,
// longer than [MaxRecord], without a readable time, or with one outside the
// years 2015 to 2099. Reading goes on behind it: after the record where its
// brackets are whole, else at the next bracket that opens a line, or at the next
// `},{"`. Records that are understood and not needed, and those of categories
// that are not known, are counted by name in [Counts] and are no Fragment.
//
// # Doubtful values
//
// Ticks count as a time when they are a whole number, however written, and
// within a day of the record's own time; else the call's time is that minus the
// duration. A negative duration without ticks is unknown. A date such as
// "3/4/2026", which may be either of two days, is poison. A string in
// properties that is no object is counted as drift, and the rest of its record
// is used. An id that is no GUID is hashed to a [Correlation].
//
// Of bodies nothing is kept but that a refused call's names the content filter;
// of headers nothing but the user agent; Poison has no letter or digit of a record
// but the time that is not plausible.
package azurelog
