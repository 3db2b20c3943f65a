package incident

import (
	"fmt"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/keywarden/keywarden/detectors"
)

const (
	maxTitle = 120 // characters
	maxName  = 36  // characters of an account's or a subscription's name in a title
)

// deeds is what a detector's finding says was done with the principal's key or
// identity. %s is a place.
var deeds = map[string]string{
	"key-auth-appears":  "used where only Entra identities had called",
	"key-check":         "probed by a key checker from %s",
	"model-enumeration": "used to look for models from %s",
	"new-country":       "used from %s",
	"new-network":       "used from %s",
	"operator":          "at work from %s",
	"resale":            "used by many at once",
}

// title says what an analyst would: who (as certain as the log is), what was
// done, and how much of it. evidence is sorted, the strongest first.
func title(principals []detectors.Principal, evidence []Evidence, all totals, span detectors.Time) string {
	text := subject(principals)
	deed, amount := "", ""
	for _, v := range evidence {
		if form, ok := deeds[v.Detector]; ok && deed == "" {
			deed = strings.Replace(form, "%s", place(v), 1)
		}
		if amount == "" {
			amount = quantity(v, all, span)
		}
	}
	if deed != "" {
		text += " " + deed
	}
	if deed == "" && amount == "" {
		amount = strings.TrimSpace(evidence[0].Title)
	}
	if amount != "" {
		text += ": " + amount
	}
	return shorten(clip(text, 4*maxTitle), maxTitle)
}

// subject names the first principal, and says with how many others it shares the incident.
func subject(principals []detectors.Principal) string {
	p := principals[0]
	resource := p.Resource[strings.LastIndexAny(p.Resource, "/:")+1:]
	resource = shorten(resource, maxName)
	switch p.Kind {
	case detectors.AccountKey:
		return "Key of account " + resource
	case detectors.APIMSubscription:
		return fmt.Sprintf("Subscription %s of gateway %s", shorten(p.ID, maxName), resource)
	case detectors.EntraObject:
		return fmt.Sprintf("Entra identity %s on account %s", shorten(p.ID, 8), resource)
	case detectors.Operator:
		return fmt.Sprintf("One operator on %d principals", len(principals))
	default:
		return "Account " + resource
	}
}

// place is where the network that a detector accuses most is: its country, if
// the country is the news, else its kind, and its country if known.
func place(v Evidence) string {
	network := Network{}
	if seen := v.Strongest.Networks; len(seen) > 0 {
		network = seen[0]
	}
	country := countryName(network.Country)
	if v.Detector == "new-country" {
		return strings.TrimSuffix("a new country, "+country, ", ")
	}
	var text string
	switch network.Kind {
	case detectors.Hosting.String():
		text = "a new hosting network"
	case detectors.VPN.String():
		text = "a new VPN or proxy"
	case detectors.Tor.String():
		text = "Tor"
	case detectors.Cloud.String(), detectors.Azure.String():
		text = "a new cloud network"
	default:
		text = "a new network"
	}
	if country != "" {
		text += " in " + country
	}
	return text
}

// quantity is how much was drawn, "" for a detector that is not about that.
func quantity(v Evidence, all totals, span detectors.Time) string {
	switch v.Detector {
	case "image-burst":
		return amount(v, "images", all.Images, span)
	case "volume-surge":
		if _, ok := v.Strongest.Observed["tokens"]; ok {
			return amount(v, "tokens", all.Tokens, span)
		}
		return amount(v, "requests", all.Calls, span)
	}
	return ""
}

// amount is what was counted since the incident began or what the finding
// observed, whichever is more.
func amount(v Evidence, unit string, counted float64, span detectors.Time) string {
	observed, known := v.Strongest.Observed[unit].(float64)
	hours, _ := v.Strongest.Observed["hours"].(float64)
	if !known {
		observed, _ = v.Strongest.Observed[unit+"PerHour"].(float64)
		hours = 1
	}
	switch {
	case counted >= 2 && counted >= observed:
		return fmt.Sprintf("%s %s in %s", figure(counted), unit, length(span))
	case observed >= 2:
		return fmt.Sprintf("%s %s in %s", figure(observed), unit, length(detectors.Time(min(max(hours, 0), 1e6)*float64(detectors.Hour))))
	}
	return "a burst of " + unit
}

// figure is a number as people write it: 812, 12,800 or 12.8 million.
func figure(x float64) string {
	x = math.Round(x)
	switch {
	case x >= 1e9:
		return fmt.Sprintf("%.1f billion", x/1e9)
	case x >= 1e6:
		return fmt.Sprintf("%.1f million", x/1e6)
	case x >= 1e4:
		return fmt.Sprintf("%d,%03d", int(x)/1000, int(x)%1000)
	}
	return fmt.Sprintf("%.0f", x)
}

// length is a time as people say it.
func length(t detectors.Time) string {
	switch {
	case t >= 2*detectors.Day:
		return fmt.Sprintf("%d days", (t+detectors.Day/2)/detectors.Day)
	case t == detectors.Hour:
		return "an hour"
	case t >= 100*detectors.Minute:
		return fmt.Sprintf("%d h", (t+detectors.Hour/2)/detectors.Hour)
	}
	return fmt.Sprintf("%d min", max(1, (t+detectors.Minute/2)/detectors.Minute))
}

// shorten is text in at most limit characters.
func shorten(text string, limit int) string {
	if utf8.RuneCountInString(text) <= limit {
		return text
	}
	return strings.TrimSpace(string([]rune(text)[:limit-1])) + "…"
}
