// Package azure is what the Functions host's triggers listen to, through the
// SDKs: a hub through azeventhubs, the change feed of a container through
// azcosmos. Connections are settings, named and spelled as the host's
// extensions expect them.
package azure

import (
	"fmt"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/data/azcosmos"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"

	"github.com/keywarden/keywarden/internal/functionshost/app"
	"github.com/keywarden/keywarden/internal/functionshost/clock"
	"github.com/keywarden/keywarden/internal/functionshost/trigger"
)

// Options say how the services are reached. The zero value reaches them over
// the network with the keys in the settings.
type Options struct {
	Hub        azeventhubs.ConsumerClientOptions // NewWebSocketConn may be an end of a net.Pipe
	Cosmos     azcosmos.ClientOptions
	Credential azcore.TokenCredential // for connections that name no key
	Clock      clock.Clock            // paces the polling of change feeds
	// Gather is how long a batch is waited for that is not full; 5 ms by default.
	Gather time.Duration
}

// Open returns what a function with an Event Hubs or Cosmos DB trigger listens to.
func (o Options) Open(f app.Function, host app.Host, settings map[string]string) (trigger.Source, error) {
	var source trigger.Source
	var err error
	switch f.Trigger.Type {
	case app.EventHub:
		source, err = o.openHub(f.Trigger, host, settings)
	case app.CosmosDB:
		source, err = o.openFeed(f.Trigger, settings)
	default:
		err = fmt.Errorf("the trigger %q listens to no service", f.Trigger.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("function %s: %w", f.Name, err)
	}
	return source, nil
}

// connection is a setting by its name: a connection string, or an endpoint
// beside which an identity is used.
func connection(name, endpoint string, settings map[string]string) (text, address string, err error) {
	if text = settings[name]; text != "" {
		return text, "", nil
	}
	if address = settings[name+"__"+endpoint]; address != "" {
		return "", address, nil
	}
	return "", "", fmt.Errorf("neither the setting %s nor %s__%s is there", name, name, endpoint)
}

func (o Options) credential() (azcore.TokenCredential, error) {
	if o.Credential == nil {
		return nil, fmt.Errorf("the connection names no key, and the host was given no credential: use a connection string")
	}
	return o.Credential, nil
}

// fields reads "Name=value;Name=value".
func fields(text string) map[string]string {
	all := map[string]string{}
	for part := range strings.SplitSeq(text, ";") {
		if name, value, ok := strings.Cut(part, "="); ok {
			all[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
		}
	}
	return all
}
