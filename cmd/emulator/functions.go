package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/keywarden/keywarden/internal/functionshost"
	"github.com/keywarden/keywarden/internal/functionshost/front"
)

// functionsCommand runs the stand-in for the Functions host.
type functionsCommand struct {
	Package   string         `required:"" placeholder:"ZIP" help:"What is deployed: host.json, the handler and a folder for each function."`
	Listen    string         `required:"" placeholder:"ADDR" help:"Where the HTTP functions are served, for instance localhost:7071."`
	Settings  string         `placeholder:"FILE" help:"App settings as local.settings.json holds them; the environment's come first."`
	Instances map[string]int `placeholder:"NAME=N" help:"Instances of a function, or of http for all HTTP functions; 1 each by default."`
	Together  bool           `help:"Run all functions in one process instead of one for each, as func start does."`
	Replace   bool           `help:"Put a new instance in the place of one whose handler failed three times, as Azure does."`
	State     string         `placeholder:"DIR" help:"Keep the checkpoints in this folder over a restart."`
	MasterKey string         `placeholder:"KEY" help:"Opens the admin API and every HTTP function."`
	HostKey   string         `placeholder:"KEY" help:"Opens the HTTP functions of the level function."`
	SignIn    string         `placeholder:"NAME" help:"Switch the platform's authentication on, with everybody signed in as this user."`
	Role      []string       `placeholder:"ROLE" help:"A role of that user."`
}

// Validate is called by kong.
func (c *functionsCommand) Validate() error {
	if len(c.Role) > 0 && c.SignIn == "" {
		return errors.New("--role is of the user that --sign-in names")
	}
	return nil
}

// Run serves until ctx ends.
func (c *functionsCommand) Run(ctx context.Context, to *output) error {
	env, err := c.environment()
	if err != nil {
		return err
	}
	var mu sync.Mutex
	config := functionshost.Config{
		Package: c.Package, Listen: c.Listen, Env: env, Instances: c.Instances, Together: c.Together, Replace: c.Replace,
		Keys: front.Keys{Master: c.MasterKey, Host: c.HostKey},
		Log: func(l functionshost.Line) {
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(to.err, "%s-%d %s %s\n", l.Group, l.Instance, l.Level, l.Text)
		},
	}
	if c.State != "" {
		config.State = filepath.Join(c.State, "checkpoints.json")
	}
	if c.SignIn != "" {
		user := &front.Principal{ID: c.SignIn, Name: c.SignIn, Roles: c.Role}
		config.Auth = &front.Auth{SignIn: func(*http.Request) *front.Principal { return user }, Required: true}
	}
	host, err := functionshost.New(config)
	if err != nil {
		return err
	}
	fmt.Fprintln(to.out, "ready", host.Addr())
	return host.Run(ctx)
}

// environment is the process's, with the settings of the file behind it.
func (c *functionsCommand) environment() ([]string, error) {
	env := os.Environ()
	if c.Settings == "" {
		return env, nil
	}
	text, err := os.ReadFile(c.Settings)
	if err != nil {
		return nil, fmt.Errorf("read the settings: %w", err)
	}
	var file struct{ Values map[string]string }
	if err := json.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf(`read the settings in %s: %w; want {"Values":{"NAME":"value"}}`, c.Settings, err)
	}
	var added []string
	for name, value := range file.Values {
		if _, ok := os.LookupEnv(name); !ok {
			added = append(added, name+"="+value)
		}
	}
	slices.Sort(added)
	return append(env, added...), nil
}
