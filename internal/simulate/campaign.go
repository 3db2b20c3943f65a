package simulate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/keywarden/keywarden/detectors"
)

// Campaign is an abuse to simulate.
type Campaign struct {
	Kind     string   // one of Kinds
	Strength Strength // default Normal
	Target   int      // number of the principal to attack, from 1; 0 chooses one that suits
	Day      int      // of the run on which it begins, from 1; 0 is at two thirds of the run
}

// Strength is how hard a campaign hits, from loud to hidden.
type Strength string

// Strengths.
const (
	Smash  Strength = "smash"
	Normal Strength = "normal"
	Slow   Strength = "slow"
)

var strengths = []Strength{Smash, Normal, Slow}

// of is the value for s of three, in the order smash, normal, slow.
func (s Strength) of(smash, normal, slow float64) float64 {
	switch s {
	case Smash:
		return smash
	case Slow:
		return slow
	}
	return normal
}

// campaignKind is a way of abusing a key.
type campaignKind struct {
	name, text string
	suits      func(l *life) bool // whom it is aimed at
	plan       func(a *attack)
	acts       bool // on the control plane of an account: no gateway can be its target
}

// campaignKinds are all ways. Rates are calls in ten minutes; those of
// sustained, ramp, low-and-slow and trickle, and smash at normal strength, are
// the ones with which volume detectors were evaluated on the ServeGen clients.
// drain and smash are victims' reports, storm is Storm-2139, key-check the
// checker of its proxies.
var campaignKinds = []campaignKind{
	{"key-check", "a stolen key is tried: one or two tiny calls from a new place", aimedAtKeys, planKeyCheck, false},
	{"storm", "checked, and hours later images in bulk from a few hosting networks", aimedAtKeys, planStorm, false},
	{"resale", "many strangers behind one key, round the clock, until the quota is used up", aimedAtKeys, planResale, false},
	{"drain", "one probe on a model never used, and the day after 12.8 M input tokens an hour", aimedAtKeys, planDrain, false},
	{"smash", "hundreds of thousands of calls within hours", aimedAtKeys, planSmash, false},
	{"sustained", "300 calls in ten minutes for two days", aimedAtKeys, planSustained, false},
	{"ramp", "from 10 to 2,000 calls in ten minutes within a day", aimedAtKeys, planRamp, false},
	{"low-and-slow", "30 calls in ten minutes for five days", aimedAtKeys, planLowAndSlow, false},
	{"trickle", "3 calls in ten minutes for five days", aimedAtKeys, planTrickle, false},
	{"enumeration", "names of models are listed and deployments guessed, then many are used", aimedAtKeys, planEnumeration, false},
	{"spray", "one operator checks the keys of many principals within an hour", aimedAtKeys, planSpray, false},
	{"theft-by-listkeys", "keys are switched on and listed by a stranger, then used where only Entra was", aimedAtEntraOnly, planTheft, true},
	{"filter-bypass", "a content filter is weakened and then pressed, with text and with images", aimedAtKeys, planFilterBypass, true},
	{"logging-cut", "the diagnostic setting is deleted while the use goes on", aimedAtKeys, planLoggingCut, true},
	{"insider", "from the office as always, but at night, and images in bulk", aimedAtOffices, planInsider, false},
	{"dormant", "a key that is hardly ever used is found and drained", aimedAtSeldom, planDormant, false},
	{"filter-pressure", "prompts that the content filter refuses again and again", aimedAtAnyKey, planPressure, false},
	{"saturation", "a reseller's proxy that runs at the quota", aimedAtAnyKey, planSaturation, false},
	{"flattening", "office hours become all hours, at a modest rate", aimedAtOfficeHours, planFlattening, false},
	{"shift", "some calls of operations that the key was never used for", aimedAtAnyKey, planShift, false},
	{"elsewhere", "a person's identity used far away while the person works on", aimedAtPeople, planElsewhere, false},
	{"tor", "a handful of calls through Tor", aimedAtAnyKey, planTor, false},
	{"copycat", "a thief with the owner's own client, models and sizes, from homes in the owner's country", aimedAtAnyKey, planCopycat, false},
	{"key-read", "keys are listed by a stranger and used at once, on an account whose keys are in use", aimedAtKeys, planKeyRead, true},
	{"harvest", "the keys of a company's accounts are listed by a stranger, for later", aimedAtAccounts, planHarvest, true},
	{"blackout", "the diagnostic setting is deleted by a stranger before anything is called", aimedAtAccounts, planBlackout, true},
	{"muted", "an account's logs end, and no log says why", aimedAtSteady, planMuted, true},
	{"unfiltered", "a content filter is weakened by a stranger, and what follows looks like the owner's", aimedAtAccounts, planUnfiltered, true},
	{"foothold", "an identity of the attacker's is given a role by a stranger, for later", aimedAtAccounts, planFoothold, true},
	{"squatting", "a stranger deploys a model that sells, and what follows comes with the owner's program", aimedAtAccounts, planSquatting, true},
	{"guesswork", "deployments are guessed in vain, from a home in the owner's country with the owner's program", aimedAtAnyKey, planGuesswork, false},
	{"look-round", "what a key opens is listed, and nothing called, from such a home with such a program", aimedAtAnyKey, planLookRound, false},
	{"sublet", "many programs of guests behind the owner's own address", aimedAtOffices, planSublet, false},
	{"at-quota", "a copycat's proxy that runs at the quota", aimedAtAnyKey, planAtQuota, false},
	{"neighbour", "from another region of the owner's own cloud, with the owner's program and a model of the thief's", aimedAtClouds, planNeighbour, false},
	{"quiet-spray", "one hand tries the keys of many principals, each with its owner's program", aimedAtKeys, planQuietSpray, false},
	{"relay", "a hijacked server of the owner's relays, with an older program, for a model that the key never asked", aimedAtClouds, planRelay, false},
	{"bait", "the key of a decoy, which an analyst has named, is tried with the owner's program from a home in its country", aimedAtEntraOnly, planBait, true},
	{"comeback", "a thief whose network an analyst has put on the watchlist uses another key from it, as its owner does", aimedAtAnyKey, planComeback, false},
	{"jailbreak", "one user of a page writes prompts that the content filter refuses", aimedAtPages, planJailbreak, false},
}

// otherwise is whom a kind of campaign is aimed at where nobody suits it.
var otherwise = map[string]func(*life) bool{"jailbreak": aimedAtAnyKey}

// Kinds are the names of all campaigns.
func Kinds() []string {
	names := make([]string, len(campaignKinds))
	for i := range campaignKinds {
		names[i] = campaignKinds[i].name
	}
	return names
}

// KindText says what happens in a campaign of that kind; "" where there is none.
func KindText(kind string) string {
	for _, k := range campaignKinds {
		if k.name == kind {
			return k.text
		}
	}
	return ""
}

// KindsText is one line for each kind of campaign: its name and what happens.
func KindsText() string {
	var b strings.Builder
	for _, k := range campaignKinds {
		fmt.Fprintf(&b, "  %-18s %s\n", k.name, k.text)
	}
	return b.String()
}

// AllCampaigns is one campaign of each kind at normal strength, spread over
// the second half of a run of so many days, but for its last two.
func AllCampaigns(days int) []Campaign {
	all := make([]Campaign, len(campaignKinds))
	half := (days + 1) / 2
	for i, k := range campaignKinds {
		all[i] = Campaign{Kind: k.name, Strength: Normal, Day: max(1, days-half+i*max(1, half-2)/len(campaignKinds))}
	}
	return all
}

// ParseCampaign reads KIND[:STRENGTH][@DAY], for instance "storm:slow@10".
func ParseCampaign(text string) (Campaign, error) {
	rest, day, dated := strings.Cut(text, "@")
	kind, strength, strong := strings.Cut(rest, ":")
	c := Campaign{Kind: kind, Strength: Normal}
	if strong {
		c.Strength = Strength(strength)
	}
	if dated {
		n, err := strconv.Atoi(day)
		if err != nil || n < 1 {
			return c, fmt.Errorf("campaign %q: the day %q is not a number from 1", text, day)
		}
		c.Day = n
	}
	return c, c.check()
}

// check says what is wrong with c whatever the run is.
func (c *Campaign) check() error {
	if !slices.Contains(Kinds(), c.Kind) {
		return fmt.Errorf("no campaign is called %q: there are %s", c.Kind, strings.Join(Kinds(), ", "))
	}
	if c.Strength != "" && !slices.Contains(strengths, c.Strength) {
		return fmt.Errorf("campaign %s: no strength is called %q: there are smash, normal and slow", c.Kind, c.Strength)
	}
	return nil
}

func aimedAtKeys(l *life) bool {
	return l.who.Kind == detectors.AccountKey && !l.habits.bornLate && !l.habits.weekly && l.name != "seldom"
}

func aimedAtAccounts(l *life) bool { return l.who.on.sort == account && !l.habits.bornLate }

// aimedAtSteady is at accounts that are called around the clock.
func aimedAtSteady(l *life) bool {
	return l.who.on.sort == account && l.shape == &alwaysBusy && !l.habits.bornLate
}

func aimedAtClouds(l *life) bool {
	cloud, ok := l.place.(*inCloud)
	return ok && cloud.network.kind != hosting && aimedAtAnyKey(l)
}

// aimedAtPages is at programs that run on their users' machines.
func aimedAtPages(l *life) bool {
	_, page := l.place.(*ofUsers)
	return page && aimedAtAnyKey(l)
}

func aimedAtEntraOnly(l *life) bool { return l.who.on.entraOnly && !l.habits.testsKey }

// aimedAtAnyKey is at those of gateways, too, but for the custom ones, whose log leaves half out.
func aimedAtAnyKey(l *life) bool {
	return l.who.Kind != detectors.EntraObject && l.who.on.sort != custom && !l.habits.bornLate && !l.habits.weekly && l.name != "seldom"
}

func aimedAtSeldom(l *life) bool {
	return (l.name == "seldom" || l.name == "weekly-report") && l.who.Kind == detectors.AccountKey
}

func aimedAtOfficeHours(l *life) bool {
	return l.shape == &officeHours && l.name != "seldom" && l.who.on.sort == account
}

func aimedAtPeople(l *life) bool {
	_, person := l.place.(*ofPerson)
	return person && l.who.Kind == detectors.EntraObject
}

func aimedAtOffices(l *life) bool {
	_, office := l.place.(atOffice)
	return office && l.who.on.sort == account && l.tasks[0].class == detectors.ClassChat && l.name != "seldom"
}

// plan makes the attacks of all campaigns. No two are aimed at the same
// principal while there is another that suits.
func (t *town) plan(lives []*life, truth *Truth) ([]*attack, error) {
	o := t.options
	var attacks []*attack
	count := map[string]int{}
	taken := map[*identity]bool{}
	for i, c := range o.Campaigns {
		if err := c.check(); err != nil {
			return nil, err
		}
		c.Strength = orDefault(c.Strength, Normal)
		c.Day = orDefault(c.Day, 1+o.Days*2/3)
		if c.Day > o.Days {
			return nil, fmt.Errorf("campaign %s on day %d: the run has %d days: choose an earlier day or a longer run", c.Kind, c.Day, o.Days)
		}
		count[c.Kind]++
		id := fmt.Sprintf("%s-%d", c.Kind, count[c.Kind])
		kind := &campaignKinds[slices.Index(Kinds(), c.Kind)]
		a := &attack{index: i, strength: c.Strength, town: t, lives: lives, r: stream(o.Seed, "campaign/"+id), taken: taken}
		if err := a.choose(kind, c); err != nil {
			return nil, err
		}
		taken[a.victim.who] = true
		a.at = o.day(c.Day-1) + detectors.Time(between(a.r, 0, .5)*float64(detectors.Day))
		a.principals = []detectors.Principal{a.victim.who.Principal}
		a.equip()
		kind.plan(a)
		a.sortShots()
		truth.Campaigns = append(truth.Campaigns, CampaignTruth{ID: id, Kind: c.Kind, Strength: c.Strength, Principals: a.principals, Decoy: a.decoy, Watched: a.watched})
		attacks = append(attacks, a)
	}
	return attacks, nil
}
