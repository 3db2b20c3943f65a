package cosmos

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
)

// account is what the account says of itself. It is a policy that sees the
// answers by which the SDK finds the account's regions, every five minutes.
type account struct {
	mu    sync.Mutex
	known accountDocument
}

// accountDocument is the part of it that is of use here.
type accountDocument struct {
	Readable []struct {
		Name string `json:"name"`
	} `json:"readableLocations"`
	Consistency struct {
		Default string `json:"defaultConsistencyLevel"`
	} `json:"userConsistencyPolicy"`
}

// Do implements policy.Policy.
func (a *account) Do(request *policy.Request) (*http.Response, error) {
	response, err := request.Next()
	if r := request.Raw(); err != nil || r.Method != http.MethodGet || r.URL.Path != "" && r.URL.Path != "/" || response.StatusCode != http.StatusOK {
		return response, err
	}
	body, err := runtime.Payload(response) // it stays for the SDK
	if err != nil {
		return response, err
	}
	var d accountDocument
	if json.Unmarshal(body, &d) == nil && d.Consistency.Default != "" {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.known = d
	}
	return response, nil
}

// ErrConsistency says that a process may not see what another one has written.
var ErrConsistency = errors.New("a partition of the usage hub may go from one process to another, which must then read what the last one has written: " +
	"set the account's default consistency to Strong, as by az cosmosdb update --default-consistency-level Strong")

// CheckConsistency is an error that wraps ErrConsistency where the account's
// default consistency is weaker than owners of partitions need: neither strong
// nor, in one region, of bounded staleness.
func (c *Client) CheckConsistency(ctx context.Context) error {
	if _, err := c.database.Read(ctx, nil); err != nil { // the SDK reads the account before
		return wrap("read the database "+c.database.ID(), err)
	}
	c.account.mu.Lock()
	known := c.account.known
	c.account.mu.Unlock()
	switch level := known.Consistency.Default; {
	case level == "Strong", level == "BoundedStaleness" && len(known.Readable) <= 1:
		return nil
	case level == "":
		return errors.New("cosmos: the account does not say of which consistency it is")
	case level == "BoundedStaleness":
		return fmt.Errorf("cosmos: the account's default consistency is %s, in %d regions: %w", level, len(known.Readable), ErrConsistency)
	default:
		return fmt.Errorf("cosmos: the account's default consistency is %s: %w", level, ErrConsistency)
	}
}
