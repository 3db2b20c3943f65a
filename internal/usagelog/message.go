// Package usagelog is what travels through the usage hub: the one log that the
// state of a usage partition is the fold of. A [Message] is what one publisher
// sends to one partition at once, in a compact form:
//
//	version 1, kind
//	hub, partition     of the source, as strings
//	arrived            varint, ms since 1970
//	heard              varint, of kind Tick, ms since 1970
//	entries            of kind Fragments, until the end of the message
//	sightings          of kind Sightings, until the end of the message
//	stays              of kind Premises, until the end of the message
//	command            of kind Command, as JSON
//
// Numbers are varints, times differences to the entry before. A string is the
// number of its place in a table that both sides build up while they go
// through the message: 0 is "", the next free number is a new string, which
// follows. So a call takes some 70 bytes, its repeated names one each.
//
// A message is read by the same release that wrote it or a later one; an
// earlier one refuses it by its version, or sets it aside where only its kind
// is unknown.
package usagelog

import (
	"errors"
	"hash/fnv"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
)

// version is the first byte of a message.
const version = 1

// Kind is what a message is about.
type Kind uint8

// Kinds of message.
const (
	Fragments Kind = iota // of the records of one source partition
	Tick                  // time has passed: it is Arrived now
	Command               // an analyst has said something
	Sightings             // suspicious networks have touched principals, or principals are at home in networks
	Premises              // networks in which several principals are at home
	kinds
)

// Source is where fragments come from: one partition of a diagnostics hub. Hub
// names one incarnation of it for ever, "NAMESPACE/HUB/CREATED".
type Source struct{ Hub, Partition string }

// Message is what is sent at once.
type Message struct {
	Kind    Kind
	Source  Source         // of fragments
	Arrived detectors.Time // when the last event of the source was enqueued, or the time of a tick
	Heard   detectors.Time // of a tick: the latest time that a record of any resource was logged at; 0 where that is unknown
	Entries []Entry        // ascending by Sequence and Fragment.Ordinal
	Command *detectors.Command

	Sightings []detectors.Sighting
	Stays     []detectors.Stay // of premises
}

// Entry is a fragment at its position in the source: the sequence number of
// the event, and in it the Ordinal of the raw record. Offset, Address' network
// and the other fields that tables fill in are not carried.
type Entry struct {
	Sequence int64
	Fragment azurelog.Fragment
}

// ErrMessage says that bytes are no message of the usage log, or a damaged one.
var ErrMessage = errors.New("usagelog: no message of the usage log")

// ErrVersion says that a message is of a later release than this program.
var ErrVersion = errors.New("usagelog: a message of a later release: run that one")

// Partition is the number of the partition, of n, that a route key belongs to.
// It never changes: the state of a resource is where its log is.
func Partition(route string, n int) int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(route)) // never fails
	return int(h.Sum32() % uint32(n))
}

// Flags of an entry, above the bits of its category.
const (
	categoryBits = 0x0f
	isNearEmpty  = 0x10
	isContinued  = 0x20
	isCorrelated = 0x40
	isAct        = 0x80
)

// Flags of a call, above the bits of its class.
const (
	classBits   = 0x0f
	streamShift = 4
	isFiltered  = 0x40
	hasTokens   = 0x80
)
