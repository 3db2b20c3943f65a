package main

import (
	"encoding/json"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/engine"
	"github.com/keywarden/keywarden/internal/hubemulator"
	"github.com/keywarden/keywarden/internal/hubemulator/broker"
	"github.com/keywarden/keywarden/internal/incident"
	"github.com/keywarden/keywarden/internal/usagelog"
)

// said runs a command line, which must end with the code, and returns what it says.
func said(t *testing.T, code int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, wrong strings.Builder
	if got := run(t.Context(), args, strings.NewReader(""), &out, &wrong); got != code {
		t.Fatalf("keywarden %q: exit code %d, want %d: %s", args, got, code, &wrong)
	}
	return out.String(), wrong.String()
}

// incidentsOf reads what replay prints.
func incidentsOf(t *testing.T, lines string) (all []incident.Incident) {
	t.Helper()
	for line := range strings.Lines(lines) {
		var i incident.Incident
		if err := json.Unmarshal([]byte(line), &i); err != nil {
			t.Fatal(err)
		}
		all = append(all, i)
	}
	return all
}

// about are the incidents of a principal.
func about(all []incident.Incident, p detectors.Principal) (ids []string) {
	for _, i := range all {
		if i.Principal == p {
			ids = append(ids, i.ID)
		}
	}
	return ids
}

// told is a store, with a usage hub before it or without.
type told struct {
	store []string // options of what works with it
	// judged takes a file in, and returns what was found.
	judged func(t *testing.T, file string) []incident.Incident
}

// joinedStore is an SQLite store alone.
func joinedStore(t *testing.T) told {
	store := "sqlite:" + filepath.Join(t.TempDir(), "joined.db")
	return told{[]string{"--store", store}, func(t *testing.T, file string) []incident.Incident {
		out, _ := said(t, 0, "replay", "--store", store, "--format", "jsonl", file)
		return incidentsOf(t, out)
	}}
}

// hostedStore is one behind the log of a usage hub, which is judged anew.
func hostedStore(t *testing.T) told {
	hub := func(name string) broker.Spec {
		return broker.Spec{Name: name, Partitions: 2, ConsumerGroups: []string{"recovery", "tools"}}
	}
	server, err := hubemulator.New(hubemulator.Config{Hubs: []broker.Spec{hub("usage")}})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; !errors.Is(err, hubemulator.ErrServerClosed) {
			t.Error(err)
		}
	})
	p := platform{
		Store: "sqlite:" + filepath.Join(t.TempDir(), "hosted.db"), UsageHub: "usage", RecoveryGroup: "recovery",
		EventHub: hubemulator.DevelopmentConnectionString(listener.Addr().String(), hubemulator.Key{Name: hubemulator.RootKeyName, Value: hubemulator.RootKeyValue}, ""),
	}
	hubs := []string{"--eventhub", p.EventHub, "--usage-hub", p.UsageHub}
	return told{append([]string{"--store", p.Store}, hubs...), func(t *testing.T, file string) []incident.Incident {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := &service{platform: p}
		taker, err := s.takes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var events []engine.HubEvent
		for line := range strings.Lines(string(body)) {
			events = append(events, engine.HubEvent{Sequence: int64(len(events)), Body: []byte(line)})
		}
		if _, err := taker.TakeIn(t.Context(), usagelog.Source{Hub: "ns/diagnostics", Partition: "0"}, events); err != nil {
			t.Fatal(err)
		}
		if err := s.end(t.Context()); err != nil {
			t.Error(err)
		}
		out, _ := said(t, 0, append([]string{"replay", "--from-hub", "--format", "jsonl"}, hubs...)...)
		return incidentsOf(t, out)
	}}
}

func TestWhatAnalystsSay(t *testing.T) {
	logs := filepath.Join(t.TempDir(), "logs.ndjson")
	said(t, 0, "simulate", "--days", "4", "--principals", "10", logs)
	out, _ := said(t, 0, "replay", "--format", "jsonl", "--min-severity", "medium", logs)
	all := incidentsOf(t, out)
	if len(all) == 0 {
		t.Fatal("nothing is found: this test changes nothing")
	}
	stolen := all[0].Principal
	for name, store := range map[string]func(*testing.T) told{"joined": joinedStore, "hosted": hostedStore} {
		t.Run(name, func(t *testing.T) {
			k := store(t)
			say := func(code int, args ...string) (string, string) {
				t.Helper()
				return said(t, code, append(args, k.store...)...)
			}
			out, _ := say(0, "except", "--id", "drill", "--principal", "account-key", "--resource", strings.ToUpper(stolen.Resource[:14])+stolen.Resource[14:],
				"--for", "30d", "--reason", "a drill", "--by", "ada")
			if !strings.Contains(out, "exception drill: account-key") {
				t.Errorf("it says %q", out)
			}
			say(0, "watch", "198.51.100.0/24", "--for", "1d", "--reason", "known proxies", "--id", "proxies")
			say(0, "decoy", "--id", "bait", "--principal", "apim-subscription:bait", "--resource", "custom:gateway")

			rules, _ := say(0, "rules")
			for _, want := range []string{"drill", "ada", "a drill", "proxies", "198.51.100.0/24", "bait"} {
				if !strings.Contains(rules, want) {
					t.Errorf("the rules lack %q:\n%s", want, rules)
				}
			}
			lines, _ := say(0, "rules", "--format", "jsonl")
			var first struct{ Exception detectors.Exception }
			if err := json.Unmarshal([]byte(lines[:strings.IndexByte(lines, '\n')]), &first); err != nil || first.Exception.Owner != "ada" || *first.Exception.Principal != stolen {
				t.Errorf("%v, %+v", err, first)
			}

			found := k.judged(t, logs)
			if ids := about(found, stolen); len(ids) > 0 || len(found) == 0 {
				t.Errorf("in spite of the exception incidents %v, of %d", ids, len(found))
			}
			say(0, "revoke", "drill")
			if rules, _ := say(0, "rules"); strings.Contains(rules, "drill") || !strings.Contains(rules, "bait") {
				t.Errorf("after drill was revoked:\n%s", rules)
			}
			if _, wrong := say(1, "revoke", "drill"); !strings.Contains(wrong, "keywarden rules lists") {
				t.Errorf("it says %q", wrong)
			}
		})
	}
}

func TestVerdict(t *testing.T) {
	logs := filepath.Join(t.TempDir(), "logs.ndjson")
	said(t, 0, "simulate", "--days", "4", "--principals", "10", logs)
	k := joinedStore(t)
	all := k.judged(t, logs)
	if len(all) == 0 {
		t.Fatal("nothing is found")
	}
	out, _ := said(t, 0, append([]string{"verdict", all[0].ID, "benign"}, k.store...)...)
	if !strings.Contains(out, "is usual") {
		t.Errorf("it says %q", out)
	}
	if _, wrong := said(t, 1, append([]string{"verdict", "2026-0", "benign"}, k.store...)...); !strings.Contains(wrong, `no incident "2026-0"`) {
		t.Errorf("it says %q", wrong)
	}
}

func TestWhatAnalystsMayNotSay(t *testing.T) {
	store := "--store sqlite:" + filepath.Join(t.TempDir(), "k.db") + " "
	for name, test := range map[string]struct {
		args string
		code int
		want string
	}{
		"nowhere":                 {"watch 192.0.2.0/24 --for 1d --reason r", exitUsage, "--store"},
		"no_hub":                  {store + "watch 192.0.2.0/24 --for 1d --reason r --usage-hub usage", exitUsage, "--eventhub"},
		"no_end":                  {store + "watch 192.0.2.0/24 --reason r", exitUsage, "--for 30d"},
		"two_ends":                {store + "watch 192.0.2.0/24 --reason r --for 1d --until 2999-01-01", exitUsage, "--for 30d"},
		"long":                    {store + "watch 192.0.2.0/24 --reason r --for 400d", exitUsage, "within a year"},
		"past":                    {store + "watch 192.0.2.0/24 --reason r --until 2020-01-01", exitUsage, "after now"},
		"no_span":                 {store + "watch 192.0.2.0/24 --reason r --for month", exitUsage, "30d or 12h"},
		"no_day":                  {store + "watch 192.0.2.0/24 --reason r --until may", exitUsage, "2027-01-31"},
		"no_network":              {store + "watch here --for 1d --reason r", exitUsage, "203.0.113.0/24"},
		"no_scope":                {store + "except --for 1d --reason r", exitUsage, "name a principal"},
		"no_reason":               {store + "except --for 1d --network 192.0.2.0/24", exitUsage, "--reason"},
		"unknown_detector":        {store + "except --for 1d --reason r --network 192.0.2.0/24 --detector x", exitUsage, "keywarden detectors lists"},
		"no_resource":             {store + "except --for 1d --reason r --principal account-key", exitUsage, "--resource"},
		"resource_that_is_none":   {store + "except --for 1d --reason r --resource aoai-1", exitUsage, "/subscriptions/"},
		"principal_without_id":    {store + "decoy --resource custom:x --principal entra-object", exitUsage, "entra-object:OBJECT"},
		"incident_and_resource":   {store + "except --for 1d --reason r --incident x --resource custom:x", exitUsage, "leave out"},
		"decoy_of_nobody":         {store + "decoy --resource custom:x", exitUsage, "--principal"},
		"verdict_without_effect":  {store + "verdict 2026-0 suspicious", exitUsage, "true-positive"},
		"narrow_network_is_told":  {store + "watch 192.0.2.7 --for 1d --reason r", 0, "masks the last octet"},
		"incident_that_is_not":    {store + "except --for 1d --reason r --incident 2026-0", exitFailure, "no incident"},
		"revoked_that_never_held": {store + "revoke x", exitFailure, "keywarden rules lists"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("KEYWARDEN_STORE", "")
			fields := strings.Fields(test.args)
			if strings.HasPrefix(test.args, store) { // kong wants the command first
				fields = append(fields[2:], fields[:2]...)
			}
			if _, wrong := said(t, test.code, fields...); !strings.Contains(wrong, test.want) {
				t.Errorf("it says %q, want %q", wrong, test.want)
			}
		})
	}
}
