package simulate

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"

	"github.com/keywarden/keywarden/detectors"
)

// call is a call or an act on its way into the log.
type call struct {
	detectors.Call
	who      *identity
	addr     netip.Addr
	act      *detectors.Act // instead of Call: an act on the control plane
	audit    bool           // of an act: it is told by the account's own Audit log, which has no address
	unheard  bool           // of an act: it is in no log
	campaign int            // index of the campaign that makes it; -1 for benign life
	serial   uint64         // drawn by its source: sets apart what its rows hold by chance
}

// identity is who makes calls: a principal and what the log says of it.
type identity struct {
	detectors.Principal
	on           *resource
	object       string // Entra object id; "" for a key
	subscription string // of API Management; "" elsewhere
	archetype    string
}

// resource is an account, an API Management service or a custom gateway.
type resource struct {
	id, name, region string
	hash             uint64 // of id
	sort             resourceSort
	company          *company

	tokensInRow bool           // its RequestResponse rows carry tokens, as since 2026
	usageRows   bool           // AzureOpenAIRequestUsage is exported
	entraOnly   bool           // no principal uses a key, but for a rare test
	bait        bool           // its key is a decoy, and nobody tests it
	key         *identity      // of the account's keys
	backend     *resource      // of a gateway: where it passes calls to
	leg         *identity      // of a gateway: as whom the backend's own log knows it; nil where that log is not exported
	legAddr     netip.Addr     // of a gateway: where its calls to the backend come from
	silent      detectors.Time // its diagnostic setting is gone from then on; 0 for never
}

// silence ends the resource's log at t, if no other campaign did before.
func (r *resource) silence(t detectors.Time) {
	if r.silent == 0 || t < r.silent {
		r.silent = t
	}
}

// resourceSort is what sort of thing keeps the log.
type resourceSort uint8

const (
	account resourceSort = iota
	gateway
	custom
)

// company is ten principals that share a country, offices and resources.
type company struct {
	number    int
	home      string
	zone      zone
	region    string
	office    *office
	admins    []identity
	resources []*resource // those that have a principal
}

// homes are the countries of companies, large ones more often.
var homes = []string{"US", "DE", "GB", "AU", "US", "FR", "IN", "NL", "JP", "CA", "US", "SE", "BR", "ES", "GB", "DE"}

// regions of Azure, by a company's home.
var regions = map[string][]string{
	"US": {"eastus", "eastus2", "westus3"}, "CA": {"canadaeast"}, "BR": {"brazilsouth"}, "GB": {"uksouth"}, "DE": {"germanywestcentral", "westeurope"},
	"FR": {"francecentral"}, "NL": {"westeurope"}, "SE": {"swedencentral"}, "ES": {"spaincentral"}, "IN": {"southindia"}, "JP": {"japaneast"}, "AU": {"australiaeast"},
}

// perCompany is how many principals a company has.
const perCompany = 10

// seats are a company's principals: a kind, and which of its resources they
// are on. Accounts a2 and a5 have several principals; a5 is used with its keys
// too. The last seat is a custom gateway's, or a third user of a2.
var seats = [perCompany]struct {
	kind     detectors.PrincipalKind
	resource string
}{
	{detectors.AccountKey, "a1"}, {detectors.EntraObject, "a2"}, {detectors.APIMSubscription, "apim"}, {detectors.AccountKey, "a3"}, {detectors.EntraObject, "a2"},
	{detectors.AccountKey, "a4"}, {detectors.APIMSubscription, "apim"}, {detectors.EntraObject, "a5"}, {detectors.AccountKey, "a5"}, {detectors.EntraObject, "a2"},
}

// town makes companies and their resources as principals ask for them.
type town struct {
	options   *Options
	note      func(Lookalike)
	companies map[int]*company
	order     []*company
	outages   map[string][]span // by region
}

func newTown(o *Options, note func(Lookalike)) *town {
	return &town{options: o, note: note, companies: map[int]*company{}, outages: map[string][]span{}}
}

func (t *town) company(number int) *company {
	if c, ok := t.companies[number]; ok {
		return c
	}
	r := stream(t.options.Seed, fmt.Sprintf("company/%d", number))
	home := homes[(number+int(mix(t.options.Seed)%uint64(len(homes))))%len(homes)]
	c := &company{number: number, home: home, zone: zones[home], region: pick(r, regions[home])}
	c.office = newOffice(t.options, r, c, t.note)
	for range 2 {
		c.admins = append(c.admins, identity{object: guidText(guid(r)), archetype: "admin"})
	}
	t.companies[number] = c
	t.order = append(t.order, c)
	return c
}

// resource is the company's resource of that short name, made where there is none yet.
func (t *town) resource(c *company, short string) *resource {
	name := fmt.Sprintf("aoai-%03d-%s", c.number, short)
	kind := account
	switch short {
	case "apim":
		name, kind = fmt.Sprintf("apim-%03d", c.number), gateway
	case "hub":
		name, kind = fmt.Sprintf("aihub-%03d", c.number), custom
	}
	for _, known := range c.resources {
		if known.name == name {
			return known
		}
	}
	r := stream(t.options.Seed, "resource/"+name)
	res := &resource{name: name, region: c.region, sort: kind, company: c, usageRows: chance(r, t.options.UsageShare)}
	group := "/subscriptions/" + guidText(guid(stream(t.options.Seed, fmt.Sprintf("azure/%d", c.number)))) + fmt.Sprintf("/resourcegroups/rg-ai-%03d/providers/", c.number)
	switch kind {
	case account:
		res.id = group + "microsoft.cognitiveservices/accounts/" + name
		res.entraOnly = short == "a2"
		res.key = &identity{Principal: detectors.Principal{Kind: detectors.AccountKey, ID: res.id, Resource: res.id}, on: res}
	case gateway:
		res.id = group + "microsoft.apimanagement/service/" + name
		res.backend = t.resource(c, "gw")
		if c.number%2 == 1 {
			object := guidText(guid(r))
			res.leg = &identity{Principal: detectors.Principal{Kind: detectors.EntraObject, ID: object, Resource: res.backend.id}, on: res.backend, object: object, archetype: "gateway"}
			res.legAddr = somewhere(r, azure, c.home)
		}
	case custom:
		res.id = "custom:" + name
	}
	res.hash = hash(res.id)
	res.tokensInRow = modern(res.hash)
	c.resources = append(c.resources, res)
	return res
}

// principal is the identity of the i-th principal. Nothing about it depends on how many there are.
func (t *town) principal(i int, r *rand.Rand) *identity {
	c := t.company(i / perCompany)
	seat := seats[i%perCompany]
	if i%perCompany == perCompany-1 && c.number%2 == 0 {
		seat.kind, seat.resource = detectors.APIMSubscription, "hub"
	}
	on := t.resource(c, seat.resource)
	who := &identity{on: on}
	switch seat.kind {
	case detectors.AccountKey:
		return on.key
	case detectors.EntraObject:
		who.object = guidText(guid(r))
		who.Principal = detectors.Principal{Kind: seat.kind, ID: who.object, Resource: on.id}
	case detectors.APIMSubscription:
		who.subscription = fmt.Sprintf("team-%03d-%02d", c.number, i%perCompany)
		who.Principal = detectors.Principal{Kind: seat.kind, ID: who.subscription, Resource: on.id}
	}
	return who
}

// guidText is id as Azure writes it, in lower case.
func guidText(id [16]byte) string {
	var b strings.Builder
	for i, octet := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			b.WriteByte('-')
		}
		const digits = "0123456789abcdef"
		b.WriteByte(digits[octet>>4])
		b.WriteByte(digits[octet&15])
	}
	return b.String()
}
