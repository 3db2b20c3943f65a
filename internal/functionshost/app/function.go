package app

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// The types of trigger that the stand-in knows.
const (
	EventHub = "eventHubTrigger"
	CosmosDB = "cosmosDBTrigger"
	Timer    = "timerTrigger"
	HTTP     = "httpTrigger"
)

// Function is one function.json.
type Function struct {
	Name     string // the folder's
	Trigger  Binding
	Retry    *Retry // nil = a failure is final
	Disabled bool
	Plain    bool // an HTTP function without an http output: the handler gets JSON
}

// IsHTTP reports whether the function is reached by requests from outside.
func (f Function) IsHTTP() bool { return f.Trigger.Type == HTTP }

// Binding is a trigger as function.json declares it; %NAME% is already
// replaced by its setting.
type Binding struct {
	Type string `json:"type"`
	Name string `json:"name"`

	// Of an Event Hubs trigger.
	EventHubName  string `json:"eventHubName"`
	ConsumerGroup string `json:"consumerGroup"`
	Cardinality   string `json:"cardinality"`
	DataType      string `json:"dataType"`

	// Of a Cosmos DB trigger; Connection of both.
	Connection         string `json:"connection"`
	Database           string `json:"databaseName"`
	Container          string `json:"containerName"`
	LeaseContainer     string `json:"leaseContainerName"`
	StartFromBeginning bool   `json:"startFromBeginning"`
	FeedPollDelay      int    `json:"feedPollDelay"` // ms
	MaxItems           int    `json:"maxItemsPerInvocation"`

	// Of a timer.
	Schedule     string `json:"schedule"`
	RunOnStartup bool   `json:"runOnStartup"`

	// Of an HTTP trigger.
	Route     *string  `json:"route"` // nil = the function's name
	AuthLevel string   `json:"authLevel"`
	Methods   []string `json:"methods"` // empty = any, FOO too
}

// Many reports whether an invocation gets a batch of events.
func (b Binding) Many() bool { return strings.EqualFold(b.Cardinality, "many") }

// parseFunction reads the function.json in the folder of that name.
func parseFunction(name string, text []byte, settings map[string]string) (Function, error) {
	if !functionName.MatchString(name) {
		return Function{}, fmt.Errorf("%q is no name of a function: a letter, then letters, digits, - and _", name)
	}
	text, err := resolve(text, settings)
	if err != nil {
		return Function{}, err
	}
	var file struct {
		Disabled bool `json:"disabled"`
		Bindings []struct {
			Binding
			Direction string `json:"direction"`
		} `json:"bindings"`
		Retry json.RawMessage `json:"retry"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return Function{}, err
	}
	off := strings.EqualFold(settings["AzureWebJobs."+name+".Disabled"], "true")
	f := Function{Name: name, Disabled: file.Disabled || off, Plain: true}
	for _, b := range file.Bindings {
		switch {
		case strings.HasSuffix(b.Type, "Trigger") && f.Trigger.Type != "":
			return Function{}, errors.New("has two triggers, and a function has one")
		case strings.HasSuffix(b.Type, "Trigger"):
			f.Trigger = b.Binding
		case b.Type == "http" && b.Direction == "out":
			f.Plain = false
		}
	}
	if f.Retry, err = parseRetry(file.Retry); err != nil {
		return Function{}, fmt.Errorf("retry: %w", err)
	}
	return f, f.check()
}

// needed names the properties that a trigger cannot do without.
var needed = map[string][]string{
	EventHub: {"eventHubName", "connection"},
	CosmosDB: {"connection", "databaseName", "containerName"},
	Timer:    {"schedule"},
	HTTP:     {},
}

func (f Function) check() error {
	t := f.Trigger
	properties, ok := needed[t.Type]
	switch {
	case t.Type == "":
		return errors.New("has no trigger")
	case !ok:
		return fmt.Errorf("the trigger %q is not stood in for; known are %s", t.Type, strings.Join(slices.Sorted(maps.Keys(needed)), ", "))
	case t.Name == "":
		return errors.New("the trigger has no name")
	}
	values := map[string]string{"eventHubName": t.EventHubName, "connection": t.Connection, "databaseName": t.Database,
		"containerName": t.Container, "schedule": t.Schedule}
	for _, p := range properties {
		if values[p] == "" {
			return fmt.Errorf("the trigger has no %s", p)
		}
	}
	if !f.IsHTTP() {
		return nil
	}
	switch t.AuthLevel {
	case "", "anonymous", "function", "admin":
		return nil
	}
	return fmt.Errorf("authLevel %q is none of anonymous, function, admin", t.AuthLevel)
}

var reference = regexp.MustCompile(`%([A-Za-z_][A-Za-z0-9_.:-]*)%`)

// resolve replaces %NAME% by the setting of that name.
func resolve(text []byte, settings map[string]string) ([]byte, error) {
	var missing []string
	text = reference.ReplaceAllFunc(text, func(match []byte) []byte {
		name := string(match[1 : len(match)-1])
		value, ok := settings[name]
		if !ok {
			missing = append(missing, name)
			return match
		}
		quoted, err := json.Marshal(value)
		if err != nil {
			return match // a string always marshals
		}
		return quoted[1 : len(quoted)-1]
	})
	if len(missing) > 0 {
		return nil, fmt.Errorf("no setting defines %s: set it in the environment", strings.Join(missing, ", "))
	}
	return text, nil
}
