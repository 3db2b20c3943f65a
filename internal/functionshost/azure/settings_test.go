package azure

import (
	"strings"
	"testing"

	"github.com/keywarden/keywarden/internal/functionshost/app"
)

func TestConnectionsThatAreNone(t *testing.T) {
	for name, test := range map[string]struct {
		trigger  app.Binding
		settings map[string]string
		says     string
	}{
		"no_setting":    {app.Binding{Type: app.EventHub, Connection: "Hub"}, nil, "neither the setting Hub nor Hub__fullyQualifiedNamespace"},
		"no_credential": {app.Binding{Type: app.EventHub, Connection: "Hub"}, map[string]string{"Hub__fullyQualifiedNamespace": "x"}, "no credential"},
		"no_hub_string": {app.Binding{Type: app.EventHub, Connection: "Hub"}, map[string]string{"Hub": "SECRET"}, "no connection string of Event Hubs"},
		"no_account":    {app.Binding{Type: app.CosmosDB, Connection: "Db", Database: "d", Container: "c"}, map[string]string{"Db": "AccountKey=SECRET"}, "no connection string of Cosmos DB"},
		"no_identity":   {app.Binding{Type: app.CosmosDB, Connection: "Db"}, map[string]string{"Db__accountEndpoint": "http://x"}, "no credential"},
		"no_service":    {app.Binding{Type: app.Timer}, nil, "listens to no service"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Options{}.Open(app.Function{Name: "f", Trigger: test.trigger}, app.Host{}, test.settings)
			if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "SECRET") {
				t.Errorf("error %v, want one that says %q", err, test.says)
			}
		})
	}
}
