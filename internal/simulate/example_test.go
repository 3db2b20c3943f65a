package simulate_test

import (
	"fmt"

	"github.com/keywarden/keywarden/internal/azurelog"
	"github.com/keywarden/keywarden/internal/simulate"
)

// Three days of twenty principals, one of which is robbed on the second.
func ExampleGenerate() {
	options := simulate.Options{Days: 3, Principals: 20, Campaigns: []simulate.Campaign{{Kind: "key-check", Day: 2}}}
	stolen := 0
	truth, err := simulate.Generate(options, func(d simulate.Delivery) error {
		if d.Campaign == 0 && d.Fragment.Category == azurelog.RequestResponse && !d.Fragment.NearEmpty {
			stolen++
		}
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	c := truth.Campaigns[0]
	fmt.Printf("%s on an %v: %d calls, of which %d were logged\n", c.ID, c.Principals[0].Kind, c.Calls, stolen)
	// Output: key-check-1 on an account-key: 2 calls, of which 2 were logged
}
