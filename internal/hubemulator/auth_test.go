package hubemulator_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/messaging/azeventhubs/v2"

	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
)

var (
	root   = hubemulator.Key{Name: "root", Value: "r00t", Rights: hubemulator.AllRights}
	writer = hubemulator.Key{Name: "writer", Value: "w", Rights: hubemulator.Send}
	lister = hubemulator.Key{Name: "reader", Value: "r", Rights: hubemulator.Listen}
	ofHub  = hubemulator.Key{Name: "of-hub", Value: "h", Rights: hubemulator.AllRights, Hub: "hub"}
)

func TestRightsOfKeys(t *testing.T) {
	server := newServer(t, hubemulator.Config{
		Hubs: []broker.Spec{{Name: "hub", Partitions: 1}, {Name: "other", Partitions: 1}},
		Keys: []hubemulator.Key{root, writer, lister, ofHub},
	})
	send(t, newProducer(t, server, "hub"), to("0"), "x")
	send(t, newProducer(t, server, "other"), to("0"), "x")
	wrong := root
	wrong.Value = "wrong"
	for name, test := range map[string]struct {
		key          hubemulator.Key
		hub          string
		send, listen string // part of the refusal
	}{
		"root":          {root, "hub", "", ""},
		"writer":        {writer, "hub", "", "'Listen' claim(s) are required"},
		"reader":        {lister, "hub", "'Send' claim(s) are required", ""},
		"hub":           {ofHub, "hub", "", ""},
		"hub_on_other":  {ofHub, "other", "InvalidAudience", "InvalidAudience"},
		"wrong_value":   {wrong, "hub", "InvalidSignature", "InvalidSignature"},
		"unknown_key":   {hubemulator.Key{Name: "nobody", Value: ""}, "hub", "InvalidSignature", "InvalidSignature"},
		"other_spelled": {ofHub, "HUB", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			connection := hubemulator.ConnectionString(hubemulator.DefaultNamespace, test.key, "")
			err := trySend(t, producerWith(t, server, connection, test.hub, quick), to("0"), "y")
			checkRefusal(t, "send", err, test.send)
			consumer := consumerWith(t, server, connection, test.hub, &azeventhubs.ConsumerClientOptions{}, broker.DefaultGroup)
			_, err = newReader(t, consumer, "0", earliest).ReceiveEvents(testContext(t), 1, nil)
			checkRefusal(t, "listen", err, test.listen)
			if strings.Contains(fmt.Sprint(err), test.key.Value) && test.key.Value == root.Value {
				t.Errorf("a key is in %v", err)
			}
		})
	}
}

// checkRefusal checks that an operation was refused as unauthorized, with the
// words, or not refused where there are none.
func checkRefusal(t *testing.T, operation string, err error, words string) {
	t.Helper()
	var refused *azeventhubs.Error
	switch {
	case words == "":
		if err != nil {
			t.Errorf("%s: %v", operation, err)
		}
	case !errors.As(err, &refused) || refused.Code != azeventhubs.ErrorCodeUnauthorizedAccess || !strings.Contains(err.Error(), words):
		t.Errorf("%s: %v; want %q", operation, err, words)
	}
}

// credential is a token of Entra.
type credential struct {
	token   string
	expires time.Time
}

func (c credential) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: c.token, ExpiresOn: c.expires}, nil
}

func jwt(audience string, expires time.Time) string {
	payload := fmt.Sprintf(`{"aud":%q,"exp":%d}`, audience, expires.Unix())
	return "e30." + base64.RawURLEncoding.EncodeToString([]byte(payload)) + ".sig"
}

func TestTokens(t *testing.T) {
	later, earlier := time.Now().Add(time.Hour), time.Now().Add(-time.Hour)
	only := func(token string, _ time.Time) (hubemulator.Rights, error) {
		switch token {
		case "all":
			return hubemulator.AllRights, nil
		case "listen":
			return hubemulator.Listen, nil
		}
		return 0, errors.New("ExpiredToken: so the test has it")
	}
	for name, test := range map[string]struct {
		tokens hubemulator.Tokens
		token  string
		want   string
	}{
		"valid":             {nil, jwt("https://eventhubs.azure.net/", later), ""},
		"audience_no_slash": {nil, jwt("https://eventhubs.azure.net", later), ""},
		"expired":           {nil, jwt("https://eventhubs.azure.net", earlier), "ExpiredToken: The token is expired. Expiration time:"},
		"for_another":       {nil, jwt("https://management.azure.com", later), "InvalidAudience"},
		"no_jwt":            {nil, "opaque", "MalformedToken"},
		"no_base64":         {nil, "a.*.c", "MalformedToken"},
		"no_json":           {nil, "a.AAAA.c", "MalformedToken"},
		"any":               {hubemulator.AnyToken, "opaque", ""},
		"given_valid":       {only, "all", ""},
		"given_rights":      {only, "listen", "'Send' claim(s) are required"},
		"given_refused":     {only, "none", "so the test has it"},
	} {
		t.Run(name, func(t *testing.T) {
			server := newServer(t, hubemulator.Config{Hubs: oneHub(1), Tokens: test.tokens})
			producer, err := azeventhubs.NewProducerClient(hubemulator.DefaultNamespace, "hub", credential{test.token, later},
				&azeventhubs.ProducerClientOptions{NewWebSocketConn: server.NewWebSocketConn, RetryOptions: quick})
			if err != nil {
				t.Fatal(err)
			}
			defer producer.Close(context.Background()) //nolint:errcheck // a test's
			err = trySend(t, producer, to("0"), "x")
			checkRefusal(t, "send", err, test.want)
			if err != nil && strings.Contains(err.Error(), test.token) {
				t.Errorf("the token is in %v", err)
			}
		})
	}
}

// A link does not outlive the claim that it was opened with.
func TestClaimsExpire(t *testing.T) {
	clock := newClock()
	server := newServer(t, hubemulator.Config{Hubs: oneHub(1), Now: clock.now})
	producer := producerWith(t, server, server.ConnectionString(""), "hub", never)
	send(t, producer, to("0"), "a", "b")
	reader := newReader(t, newConsumer(t, server, "hub", broker.DefaultGroup), "0", azeventhubs.PartitionClientOptions{
		StartPosition: earliest.StartPosition, Prefetch: -1,
	})
	receive(t, reader, 1)
	clock.pass(3 * time.Hour) // tokens are signed for two
	if err := trySend(t, producer, to("0"), "c"); err == nil || !strings.Contains(err.Error(), "expired") {
		t.Errorf("send: %v", err)
	}
	if text, _ := refusalOf(t, reader); !strings.Contains(text, "xpired") {
		t.Errorf("receive: %s", text)
	}
}
