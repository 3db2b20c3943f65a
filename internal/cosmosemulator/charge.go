package cosmosemulator

import (
	"math"

	"github.com/keywarden/keywarden/internal/cosmosemulator/store"
)

// Request charges follow what Microsoft publishes (learn.microsoft.com/azure/cosmos-db/request-units and
// /key-value-store-cost): reading an item by id costs 1 RU for 1 KB and 10 RU for 100 KB, writing it 5 RU and 50 RU
// without an index. Between and beyond, the charge is linear in the size; sizes are rounded up to whole KB, with
// at least one. What is not published as a rule is measured lore, and only its order of magnitude can be relied on: the
// default index adds 6 % to a write (5.3 RU for 1 KB), changing an item costs twice as much as making it, a query costs
// 2.3 RU for every physical partition it looks at and half a point read for every item it returns, a page of the change
// feed what its items cost to read.
const (
	minCharge      = 1.0
	metadataCharge = 2.0
	queryCharge    = 2.3

	kilobyte      = 1024
	readPerKB     = 9.0 / 99 // from 1 RU at 1 KB to 10 RU at 100 KB
	writeOverRead = 5.0
	indexShare    = 1.06
)

// readCharge is the charge of a point read of an item with that many bytes.
func readCharge(bytes int) float64 {
	kb := max(math.Ceil(float64(bytes)/kilobyte), 1)
	return round(1 + (kb-1)*readPerKB)
}

// charge is what an operation on an item costs.
func charge(result store.Result, indexed bool) float64 {
	factor := writeOverRead
	if indexed {
		factor *= indexShare
	}
	switch {
	case result.Refusal != nil, result.Status == 304:
		return minCharge
	case result.Item == nil: // deleted
		return round(factor * readCharge(result.Was))
	case result.Status == 201:
		return round(factor * readCharge(len(result.Item.Body)))
	case result.Was > 0: // changed
		return round(2 * factor * readCharge(len(result.Item.Body)))
	}
	return readCharge(len(result.Item.Body))
}

// round keeps two decimals, as the service shows them.
func round(ru float64) float64 { return math.Round(ru*100) / 100 }
