package eventhub

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"
)

// Config says how to reach a namespace. Only Namespace is required.
type Config struct {
	// Namespace is its host name ("NAME.servicebus.windows.net", or only NAME
	// in Azure's public cloud), or a connection string, which may name a hub.
	// With UseDevelopmentEmulator=true in it there is no TLS.
	Namespace string

	// Credential is used with a host name. Where it is nil it is azidentity's
	// default: a managed identity on Azure (the user-assigned one of
	// AZURE_CLIENT_ID where that is set), the developer's login elsewhere.
	Credential azcore.TokenCredential

	// Retry is how often the SDK tries again before this package does. Zero
	// fields are 3 times, first after 500 ms, at most after 10 s.
	Retry azeventhubs.RetryOptions

	// TLS and WebSocket are handed to the SDK: roots of one's own, proxies,
	// and stand-ins in the same process.
	TLS       *tls.Config
	WebSocket func(context.Context, azeventhubs.WebSocketConnParams) (net.Conn, error)
}

// application is how the service's logs name the client.
const application = "keywarden"

// Namespace is the Event Hubs namespace of a Config.
type Namespace struct {
	config Config
	host   string // with a port, where one was given
	entity string // the hub of the connection string; "" where it names none

	mu   sync.Mutex
	hubs map[string]*Hub
}

const (
	publicCloud = ".servicebus.windows.net"
	example     = "Endpoint=sb://NAME" + publicCloud + "/;SharedAccessKeyName=…;SharedAccessKey=…"
)

var hostName = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?$`)

// Connect makes a Namespace, or says what is wrong with the Config. It does not
// use the network: that begins with what is wanted of a Hub.
func Connect(c Config) (*Namespace, error) {
	n := &Namespace{config: c, hubs: map[string]*Hub{}}
	n.config.Retry = retryOptions(c.Retry)
	if strings.Contains(c.Namespace, "=") {
		return n, n.parse()
	}
	n.host = strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(c.Namespace), "sb://"), "/")
	if !hostName.MatchString(n.host) {
		return nil, fmt.Errorf("eventhub: a namespace is the host name NAME%s or a connection string like %q", publicCloud, example)
	}
	if !strings.ContainsAny(n.host, ".:") {
		n.host += publicCloud
	}
	if c.Credential == nil {
		credential, err := azidentity.NewDefaultAzureCredential(nil)
		if err != nil {
			return nil, fmt.Errorf("eventhub: an identity for %s: %w", n.host, err)
		}
		n.config.Credential = credential
	}
	return n, nil
}

// parse reads the connection string. The SDK's errors may quote it: they are not passed on.
func (n *Namespace) parse() error {
	p, err := azeventhubs.ParseConnectionString(n.config.Namespace)
	if err != nil || !hostName.MatchString(p.FullyQualifiedNamespace) {
		return fmt.Errorf("eventhub: the connection string cannot be read: copy it anew from the portal, it looks like %q", example)
	}
	n.host = p.FullyQualifiedNamespace
	if p.EntityPath != nil {
		n.entity = *p.EntityPath
	}
	return nil
}

func retryOptions(o azeventhubs.RetryOptions) azeventhubs.RetryOptions {
	if o.MaxRetries == 0 {
		o.MaxRetries = 3
	}
	if o.RetryDelay == 0 {
		o.RetryDelay = 500 * time.Millisecond
	}
	if o.MaxRetryDelay == 0 {
		o.MaxRetryDelay = 10 * time.Second
	}
	return o
}

// Name is the namespace's host name without a port, in lower case.
func (n *Namespace) Name() string {
	host, _, _ := strings.Cut(n.host, ":")
	return strings.ToLower(host)
}

// Hub is the hub of that name; where name is "", that of the connection
// string. It does not ask whether there is one. The same name, in whatever
// case, has the same Hub, and so one connection.
func (n *Namespace) Hub(name string) (*Hub, error) {
	switch {
	case name == "" && n.entity == "":
		return nil, fmt.Errorf("eventhub: which hub of %s? Neither a name nor an EntityPath in the connection string is given", n.host)
	case name == "":
		name = n.entity
	case n.entity != "" && !strings.EqualFold(name, n.entity):
		return nil, fmt.Errorf("eventhub: the connection string is for the hub %q only, not for %q: use the namespace's own, without EntityPath", n.entity, name)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	key := strings.ToLower(name)
	if h := n.hubs[key]; h != nil {
		return h, nil
	}
	h := &Hub{namespace: n, name: name, consumers: map[string]*azeventhubs.ConsumerClient{}, seen: map[string]place{}}
	var err error
	if h.producer, err = h.newProducer(); err != nil {
		return nil, fmt.Errorf("eventhub: a client for %v: %w", h, err)
	}
	n.hubs[key] = h
	return h, nil
}

// Close ends all connections. What uses them fails. Of each consumer group that
// Run has used the SDK leaves one goroutine behind, which waits for its token
// to be renewed: Close is for the end of the process.
func (n *Namespace) Close(ctx context.Context) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	var all []error
	for _, h := range n.hubs {
		all = append(all, h.close(ctx))
	}
	clear(n.hubs)
	return errors.Join(all...)
}
