package simulate

import (
	"encoding/json"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/keywarden/keywarden/detectors"
)

func TestParseCampaign(t *testing.T) {
	for text, want := range map[string]Campaign{
		"storm":                 {Kind: "storm", Strength: Normal},
		"storm:slow":            {Kind: "storm", Strength: Slow},
		"low-and-slow:smash@10": {Kind: "low-and-slow", Strength: Smash, Day: 10},
		"insider@3":             {Kind: "insider", Strength: Normal, Day: 3},
	} {
		got, err := ParseCampaign(text)
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", text, got, err, want)
		}
	}
	for text, says := range map[string]string{
		"strom":      `no campaign is called "strom": there are key-check, storm, `,
		"storm:hard": `no strength is called "hard": there are smash, normal and slow`,
		"storm@0":    `campaign "storm@0": the day "0" is not a number from 1`,
		"storm@soon": `the day "soon" is not a number from 1`,
		"":           `no campaign is called ""`,
	} {
		if _, err := ParseCampaign(text); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v, want %q", text, err, says)
		}
	}
}

// TestCampaigns_figures holds the published figures.
func TestCampaigns_figures(t *testing.T) {
	truth := func(kind string, strength Strength, deliver func(*Delivery)) CampaignTruth {
		t.Helper()
		return run(t, Options{Seed: 2, Days: 8, Principals: 20, Campaigns: []Campaign{{Kind: kind, Strength: strength, Day: 2}}}, deliver).Campaigns[0]
	}
	between := func(what string, got, low, high int64) {
		t.Helper()
		if got < low || got > high {
			t.Errorf("%s: %d, want %d to %d", what, got, low, high)
		}
	}
	nothing := func(*Delivery) {}
	t.Run("key_check", func(t *testing.T) {
		var sizes []int64
		c := truth("key-check", Normal, func(d *Delivery) {
			if f := &d.Fragment; d.Campaign == 0 && !f.NearEmpty && f.Act == nil && f.ObjectID+f.Subscription == "" && f.Call.RequestBytes > 0 {
				sizes = append(sizes, f.Call.RequestBytes)
				if f.Call.Client.APIVersion != "2023-09-01-preview" || f.Call.Client.Stream != detectors.NonStreaming {
					t.Errorf("client %v", f.Call.Client)
				}
			}
		})
		if slices.Sort(sizes); !slices.Equal(slices.Compact(sizes), []int64{73, 101}) || c.Calls != 2 {
			t.Errorf("%d calls of %v bytes, want one of 73 and one of 101", c.Calls, sizes)
		}
	})
	t.Run("smash", func(t *testing.T) {
		between("calls", int64(truth("smash", Normal, nothing).Calls), 50_000, 73_000)
	})
	t.Run("drain", func(t *testing.T) {
		c := truth("drain", Normal, func(d *Delivery) {
			if n := d.Fragment.Call.Tokens.Prompt; d.Campaign == 0 && d.Fragment.Call.Tokens.Known && n > 8 {
				between("tokens of a request", n, 180_000, 364_000)
			}
		})
		between("tokens", c.Tokens, 9e6, 18e6)
		between("days from probe to drain", int64(c.LastCall-c.FirstCall)/int64(detectors.Hour), 24, 26)
	})
	t.Run("sustained", func(t *testing.T) {
		between("calls", int64(truth("sustained", Normal, nothing).Calls), 70_000, 105_000)
	})
	t.Run("trickle", func(t *testing.T) {
		between("calls", int64(truth("trickle", Normal, nothing).Calls), 1_900, 2_700)
	})
	t.Run("logging_cut", func(t *testing.T) {
		if c := truth("logging-cut", Normal, nothing); c.Unlogged < c.Calls || c.Acts != 1 {
			t.Errorf("%d calls in no log, %d in one, %d acts", c.Unlogged, c.Calls, c.Acts)
		}
	})
	t.Run("theft", func(t *testing.T) {
		c := truth("theft-by-listkeys", Normal, nothing)
		if c.Acts != 3 || c.Principals[0].Kind != detectors.AccountKey || c.Principals[1].Kind != detectors.ResourcePrincipal {
			t.Errorf("%d acts on %v", c.Acts, c.Principals)
		}
	})
	t.Run("relay", func(t *testing.T) {
		usual, abused := map[netip.Prefix]bool{}, map[netip.Prefix]bool{}
		c := truth("relay", Normal, func(*Delivery) {})
		truth("relay", Normal, func(d *Delivery) {
			if f := &d.Fragment; f.Act == nil && f.Address.Is4() && f.Resource == c.Principals[0].Resource {
				from := netip.PrefixFrom(f.Address, 24).Masked()
				if d.Campaign == 0 {
					abused[from] = true
				} else {
					usual[from] = true
				}
			}
		})
		for from := range abused {
			if !usual[from] {
				t.Errorf("relayed from %v, where the victim's own calls do not come from", from)
			}
		}
		if len(abused) == 0 {
			t.Error("nothing was relayed")
		}
	})
	t.Run("bait", func(t *testing.T) {
		c := truth("bait", Smash, nothing)
		if c.Calls != 8 || c.Decoy == nil || !slices.Equal(c.Principals, []detectors.Principal{*c.Decoy}) || c.Decoy.Kind != detectors.AccountKey {
			t.Errorf("%d calls with a key of %v, decoy %v", c.Calls, c.Principals, c.Decoy)
		}
	})
	t.Run("comeback", func(t *testing.T) {
		watched := truth("comeback", Normal, nothing).Watched
		truth("comeback", Normal, func(d *Delivery) {
			if f := &d.Fragment; f.Act == nil && f.Address.IsValid() && watched.Contains(f.Address) != (d.Campaign == 0) {
				t.Errorf("a call of campaign %d from %v, watched is %v", d.Campaign, f.Address, watched)
			}
		})
	})
	t.Run("spray", func(t *testing.T) {
		c := truth("spray", Normal, nothing)
		between("principals", int64(len(c.Principals)), 6, 8)
		between("minutes", int64(c.LastCall-c.FirstCall)/int64(detectors.Minute), 1, 60)
	})
}

func TestTruth_file(t *testing.T) {
	truth := run(t, Options{Days: 3, Campaigns: []Campaign{{Kind: "storm", Day: 1}, {Kind: "spray"}}}, func(*Delivery) {})
	var out strings.Builder
	if err := truth.WriteCampaigns(&out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines, want 2", len(lines))
	}
	var back CampaignTruth
	if err := json.Unmarshal([]byte(lines[0]), &back); err != nil {
		t.Fatal(err)
	}
	want := truth.Campaigns[0]
	if back.ID != "storm-1" || back.FirstCall != want.FirstCall || back.Calls != want.Calls || back.Images != want.Images || back.Principals[0] != want.Principals[0] {
		t.Errorf("read back %+v, want %+v", back, want)
	}
}

// TestOptions_commands: what an analyst has named is what campaigns run into, and engines may be told of it.
func TestOptions_commands(t *testing.T) {
	o := Options{Seed: 2, Days: 8, Principals: 20, Campaigns: []Campaign{{Kind: "bait", Day: 2}, {Kind: "storm", Day: 2}, {Kind: "comeback", Day: 3}}}
	said, err := o.Commands()
	if err != nil || len(said) != 2 {
		t.Fatalf("%v, %v", said, err)
	}
	told := run(t, o, func(*Delivery) {})
	if bait, back := said[0].Decoy, said[1].Watch; bait == nil || bait.Principal != *told.Campaigns[0].Decoy || back == nil || back.Networks[0] != told.Campaigns[2].Watched {
		t.Errorf("%+v", said)
	}
	for i := range said {
		if err := said[i].Check(); err != nil {
			t.Error(err)
		}
	}
}
