package azurelog

import (
	"net/netip"

	"github.com/keywarden/keywarden/detectors"
)

// Fragment is what one record says of a call, its tokens or an act. One call
// may come as several fragments, in any order; the engine joins them by
// Correlation. Strings in a Fragment are interned and may be kept.
type Fragment struct {
	Category    Category
	Logged      detectors.Time // the record's own time: when it was logged
	Resource    string         // lower case, cut after accounts/NAME or service/NAME; "custom:GATEWAY" for a gateway's own events
	Correlation Correlation    // zero where the record has none

	Offset  int64 // of the raw record in the decompressed stream or the message's body, in bytes
	Ordinal int   // number of the raw record in its Block or body, from 0, counting those that made no Fragment

	// Of Call: RequestResponse, GatewayLogs, GatewayEvent. Of Call.Tokens and
	// Call.Model alone: RequestUsage, GatewayLlmLogs. Call.From is not filled
	// in: Address and Bits are what the log has of it.
	Call         detectors.Call
	ObjectID     string // Entra object id of the caller, lower case; "" where the row does not say
	Subscription string // API Management subscription; "" where the row does not say
	Backend      string // account that a gateway passed the call to: host name's first label, lower case; "" where unknown
	NearEmpty    bool   // RequestResponse's twin, or a row that looks like one: no object id, no model, no deployment
	Continued    bool   // GatewayLlmLogs: a further chunk of a call, without tokens of its own

	// Of Audit and Administrative records, nil for others. Act.From is not filled in.
	Act *detectors.Act

	// Address is the caller's address; masked octets are zero. Bits is how
	// many bits of it the log shows: 32 or 128 for a full one, 24 for
	// "203.0.113.***", 0 for none.
	Address netip.Addr
	Bits    int
}

// LooksNearEmpty is what NearEmpty has to be.
func (f *Fragment) LooksNearEmpty() bool {
	return f.Category == RequestResponse && f.ObjectID == "" && f.Call.Model == "" && f.Call.Deployment == ""
}

// Category is the kind of record that a fragment was read from.
type Category uint8

// Categories that are understood.
const (
	RequestResponse Category = iota // an account's calls
	RequestUsage                    // AzureOpenAIRequestUsage: tokens, no identity
	Audit                           // an account's keys were listed
	GatewayLogs                     // API Management's calls
	GatewayLlmLogs                  // API Management's tokens, no identity
	GatewayEvent                    // an AI gateway's own log-to-eventhub event
	Administrative                  // activity log
	categories
)

// Known reports whether c is one of the categories above.
func (c Category) Known() bool { return c < categories }

var categoryNames = [categories]string{
	"RequestResponse", "AzureOpenAIRequestUsage", "Audit", "GatewayLogs", "GatewayLlmLogs", "GatewayEvent", "Administrative",
}

// String is the category as Azure writes it.
func (c Category) String() string { return categoryNames[c] }

// Correlation is a correlation id: the 16 bytes of a GUID, or the first 16 of
// the SHA-256 of an id that is not one.
type Correlation [16]byte
