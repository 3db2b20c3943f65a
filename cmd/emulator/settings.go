package main

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/keywarden/keywarden/internal/cosmosemulator"
	"github.com/keywarden/keywarden/internal/hubemulator"
)

// settings are the product's, in the order in which they are told.
type settings []setting

type setting struct {
	name, value string
	shared      bool // also for the program on the command line
}

// Settings that are told apart.
const (
	eventHubSetting    = "KEYWARDEN_EVENTHUB"
	diagnosticsSetting = "KEYWARDEN_DIAGNOSTICS_HUB"
	storeSetting       = "KEYWARDEN_STORE"
	checkpointsSetting = "KEYWARDEN_CHECKPOINTS"
)

// settings are those for the stand-ins. Their keys are the well-known ones of
// Microsoft's emulators, no secrets.
func (c *devCommand) settings(at *ports, f *folder) settings {
	hubs := hubemulator.DevelopmentConnectionString(at.hubs.Addr().String(), hubemulator.Key{Name: hubemulator.RootKeyName, Value: hubemulator.RootKeyValue}, "")
	store := "sqlite:" + f.path("keywarden.db")
	if c.Store == "cosmos" {
		store = fmt.Sprintf("cosmos:AccountEndpoint=http://%s/;AccountKey=%s;Database=%s", at.cosmos.Addr(), cosmosemulator.EmulatorKey, databaseName)
	}
	return settings{
		{"FUNCTIONS_WORKER_RUNTIME", "custom", false},
		{"WEBSITE_SITE_NAME", "", false}, // as if it were not set: this is not Azure
		{"KEYWARDEN_AUTH", "loopback", false},
		{"EventHubConnection", hubs, false},
		{eventHubSetting, hubs, true},
		{diagnosticsSetting, diagnosticsHub, true},
		{"KEYWARDEN_USAGE_HUB", usageHub, true},
		{"KEYWARDEN_CONSUMER_GROUP", productGroup, true},
		{"KEYWARDEN_RECOVERY_GROUP", recoveryGroup, true},
		{"KEYWARDEN_TOOLS_GROUP", toolsGroup, true},
		{storeSetting, store, true},
		{checkpointsSetting, "http://" + at.blobs.Addr().String() + "/checkpoints", true},
	}
}

// of is the value of a setting.
func (s settings) of(name string) string {
	for _, one := range s {
		if one.name == name {
			return one.value
		}
	}
	return ""
}

// environment is the settings as os.Environ writes them.
func (s settings) environment() []string {
	var all []string
	for _, one := range s {
		all = append(all, one.name+"="+one.value)
	}
	return all
}

// write writes those for the command line to a file that a shell reads.
func (s settings) write(file string) error {
	var text strings.Builder
	for _, one := range s {
		if one.shared {
			fmt.Fprintf(&text, "export %s='%s'\n", one.name, strings.ReplaceAll(one.value, "'", `'\''`))
		}
	}
	return os.WriteFile(file, []byte(text.String()), 0o600)
}

// tell says where everything is, and what to do with it.
func (s settings) tell(to io.Writer, api string, f *folder) {
	for _, at := range []struct{ what, where string }{
		{"API", "http://" + api + "/api/incidents"}, {"Event Hubs", s.of(eventHubSetting)}, {"store", s.of(storeSetting)},
		{"blobs", s.of(checkpointsSetting)}, {"log", f.path("functions.log")},
	} {
		fmt.Fprintf(to, "  %-10s  %s\n", at.what, at.where)
	}
	fmt.Fprintf(to, `In another terminal:
  . %s
  build/keywarden send --partition 0 FILE…  # more logs
  build/keywarden replay --from-hub         # the same log, judged anew
  curl -s 'http://%[2]s/api/incidents?severity=critical&sort=-risk'
  curl -s http://%[2]s/api/coverage  # how far everything is
Ctrl-C ends everything.
`, f.path("env"), api)
}
