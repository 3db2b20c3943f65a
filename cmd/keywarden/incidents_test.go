package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/incident"
)

const account = "/subscriptions/5e4c/resourcegroups/ai/providers/microsoft.cognitiveservices/accounts/contoso-eu"

func incidents() []*incident.Incident {
	lost := 1234.5
	opened := detectors.Time(1_763_000_000_000)
	return []*incident.Incident{
		{
			ID: "2025-1", Principal: detectors.Principal{Kind: detectors.AccountKey, ID: account, Resource: account},
			Severity: detectors.High, Risk: 41.7, Status: incident.StatusNew, Title: "Images <far> beyond the usual", Certainty: "Somebody.", Why: "41.7 bits.", OpenedAt: opened, LossUSD: &lost,
			Findings: []incident.Finding{{Detector: "image-burst", Bits: 22.1}, {Detector: "new-network", Bits: 9}},
		},
		{
			ID: "2025-2", Principal: detectors.Principal{Kind: detectors.APIMSubscription, ID: "team-a", Resource: "/subscriptions/5e4c/service/gate"},
			Severity: detectors.Low, Risk: 7, Status: incident.StatusNew, Title: "Use from a new country", Certainty: "Whoever.", Why: "7.0 bits.", Harmless: "A trip.", OpenedAt: opened + detectors.Day,
		},
	}
}

func TestPrintIncidents(t *testing.T) {
	print := func(t *testing.T, format string, list []*incident.Incident) string {
		t.Helper()
		var out strings.Builder
		if err := printIncidents(&out, format, list); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	t.Run("table", func(t *testing.T) {
		want := "" +
			"SEVERITY  OPENED (UTC)      PRINCIPAL                         RISK       LOSS  TITLE                          FINDINGS (BITS)\n" +
			"high      2025-11-13 02:13  account-key contoso-eu            41.7  $1,234.50  Images <far> beyond the usual  image-burst 22, new-network 9\n" +
			"  who       Somebody.\n" +
			"  why now   41.7 bits.\n" +
			"low       2025-11-14 02:13  apim-subscription team-a on gate   7.0    unknown  Use from a new country\n"
		if diff := cmp.Diff(want, print(t, "table", incidents())); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("a_status_other_than_new_is_shown", func(t *testing.T) {
		list := incidents()[:1]
		list[0].Status = "suppressed"
		if got := print(t, "table", list); !strings.Contains(got, "\nhigh, suppressed  2025-11-13") {
			t.Errorf("got %s", got)
		}
	})
	t.Run("jsonl_is_one_object_a_line_and_readable", func(t *testing.T) {
		lines := strings.Split(strings.TrimSuffix(print(t, "jsonl", incidents()), "\n"), "\n")
		if len(lines) != 2 {
			t.Fatalf("%d lines, want 2", len(lines))
		}
		if !strings.Contains(lines[0], `"title":"Images <far> beyond the usual"`) {
			t.Errorf("got %s", lines[0])
		}
		for _, line := range lines {
			if !json.Valid([]byte(line)) {
				t.Errorf("no JSON: %s", line)
			}
		}
	})
	t.Run("nothing_found", func(t *testing.T) {
		if got := print(t, "table", nil); got != "No incidents.\n" {
			t.Errorf("table: %q", got)
		}
		if got := print(t, "jsonl", nil); got != "" {
			t.Errorf("jsonl: %q", got)
		}
	})
	t.Run("a_full_disk_is_an_error", func(t *testing.T) {
		for _, format := range []string{"table", "jsonl"} {
			if err := printIncidents(fullDisk{}, format, incidents()); err == nil {
				t.Errorf("%s: no error", format)
			}
		}
	})
}

func TestPrincipalName(t *testing.T) {
	for want, p := range map[string]detectors.Principal{
		"account-key contoso-eu":          {Kind: detectors.AccountKey, ID: account, Resource: account},
		"resource contoso-eu":             {Kind: detectors.ResourcePrincipal, ID: account, Resource: account},
		"entra-object 8a7f on contoso-eu": {Kind: detectors.EntraObject, ID: "8a7f", Resource: account},
		"operator 77aa":                   {Kind: detectors.Operator, ID: "77aa"},
	} {
		if got := principalName(p); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
