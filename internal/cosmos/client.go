// Package cosmos keeps what Keywarden must find again in Azure Cosmos DB for
// NoSQL, one database with a container for each kind of document:
//
//	incidents    written by the engine            [Ledger]
//	state        heads, chunks, checkpoints       [Ledger]
//	cases        what analysts make of incidents
//	config       exceptions, settings, and how far functions have come
//	deadletters  records that could not be read; they expire
//	leases       of the Functions host's own trigger
//
// [Containers] says how each is partitioned and indexed. On Azure the
// deployment makes them: the role that reads and writes documents may not. For
// stand-ins and tests there is [Client.EnsureContainers].
//
// Every write that builds on what was read carries its ETag; every create
// fails where the document is there already. A request that is throttled (429)
// waits as long as the service says; one that meets a fault of the service or
// of the connection is sent again, with growing pauses, until its context ends.
// A write whose answer was lost is therefore sent twice: the second one is
// refused, and what is stored then is compared with what was to be stored.
//
// The account must be of strong consistency (or bounded staleness, in one
// region): an owner of a partition reads what another process has written.
// [Client.CheckConsistency] looks whether it is.
//
// What requests cost is counted ([Client.Charges]). Nothing here logs.
package cosmos

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"
)

// Config says which database, and who asks.
type Config struct {
	Endpoint   string                 // of the account: https://NAME.documents.azure.com/
	Database   string                 // its name
	Credential azcore.TokenCredential // nil, and no Key: azidentity's default, with AZURE_CLIENT_ID a managed identity
	Key        string                 // the account's key, for stand-ins; it stands in no error
	Transport  policy.Transporter     // nil is the SDK's
}

// Parse reads how a database is written on a command line: https://ACCOUNT/DATABASE,
// or, with a key, the account's connection string and ;Database=NAME after it.
func Parse(text string) (Config, error) {
	if strings.Contains(text, "AccountEndpoint=") {
		return parseConnectionString(text)
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" {
		return Config{}, errors.New("cosmos: this names no database: write https://ACCOUNT.documents.azure.com/DATABASE")
	}
	c := Config{Endpoint: u.Scheme + "://" + u.Host + "/", Database: strings.Trim(u.Path, "/")}
	return c, c.check()
}

// parseConnectionString reads AccountEndpoint=…;AccountKey=…;Database=….
func parseConnectionString(text string) (Config, error) {
	var c Config
	for part := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(part, "=")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "accountendpoint":
			c.Endpoint = value
		case "accountkey":
			c.Key = value
		case "database":
			c.Database = value
		}
	}
	if c.Key == "" {
		return Config{}, errors.New("cosmos: the connection string has no AccountKey: without a key, write https://ACCOUNT.documents.azure.com/DATABASE")
	}
	return c, c.check()
}

func (c *Config) check() error {
	switch {
	case c.Endpoint == "":
		return errors.New("cosmos: no account: write https://ACCOUNT.documents.azure.com/DATABASE")
	case c.Database == "" || strings.ContainsAny(c.Database, `/\#?`):
		return errors.New("cosmos: no database is named, or a name has / \\ # or ? in it: write https://ACCOUNT.documents.azure.com/DATABASE")
	}
	return nil
}

// Client is an open database. Its methods may be called from several goroutines.
type Client struct {
	sdk        *azcosmos.Client
	database   *azcosmos.DatabaseClient
	containers map[string]*azcosmos.ContainerClient
	charges    charges
	account    account

	mu    sync.Mutex
	known span // years that have incidents
}

// Open is a client of the database. It asks nothing yet.
func Open(c Config) (*Client, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	client := &Client{containers: map[string]*azcosmos.ContainerClient{}}
	options := &azcosmos.ClientOptions{ClientOptions: azcore.ClientOptions{
		Transport:        c.Transport,
		Retry:            policy.RetryOptions{MaxRetries: -1}, // retrier does it
		PerCallPolicies:  []policy.Policy{&client.account, retrier{}},
		PerRetryPolicies: []policy.Policy{&client.charges},
	}}
	sdk, err := connect(c, options)
	if err != nil {
		return nil, err
	}
	client.sdk = sdk
	if client.database, err = sdk.NewDatabase(c.Database); err != nil {
		return nil, fmt.Errorf("cosmos: database %s: %w", c.Database, err)
	}
	for _, definition := range Containers() {
		container, err := client.database.NewContainer(definition.ID)
		if err != nil {
			return nil, fmt.Errorf("cosmos: container %s: %w", definition.ID, err)
		}
		client.containers[definition.ID] = container
	}
	return client, nil
}

func connect(c Config, options *azcosmos.ClientOptions) (*azcosmos.Client, error) {
	if c.Key != "" {
		key, err := azcosmos.NewKeyCredential(c.Key)
		if err != nil {
			return nil, errors.New("cosmos: the account's key is not base64: copy the primary or secondary key as it stands")
		}
		sdk, err := azcosmos.NewClientWithKey(c.Endpoint, key, options)
		if err != nil {
			return nil, fmt.Errorf("cosmos: account %s: %w", c.Endpoint, err)
		}
		return sdk, nil
	}
	if c.Credential == nil {
		credential, err := azidentity.NewDefaultAzureCredential(nil)
		if err != nil {
			return nil, fmt.Errorf("cosmos: identity: %w", err)
		}
		c.Credential = credential
	}
	sdk, err := azcosmos.NewClient(c.Endpoint, c.Credential, options)
	if err != nil {
		return nil, fmt.Errorf("cosmos: account %s: %w", c.Endpoint, err)
	}
	return sdk, nil
}

// Close lets go of what is shared with other clients of the account.
func (c *Client) Close() { c.sdk.Close() }

// Charges is what was asked and what it cost so far, by container and operation.
func (c *Client) Charges() []Charge { return c.charges.list() }
