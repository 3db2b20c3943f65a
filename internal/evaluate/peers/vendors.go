package peers

import (
	"net/netip"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/evaluate"
)

// elasticRules is where Elastic publishes its rules.
const elasticRules = "Elastic detection-rules"

// prowlerOperations are those of Prowler's 20 operations that OpenAI's API has.
// The others are of other makers' models.
var prowlerOperations = map[string]bool{
	"ChatCompletions_Create": true, "Completions_Create": true, "Embeddings_Create": true, "ImageGenerations_Create": true,
	"FineTuning_Jobs_Create": true, "Models_List": true,
	"Deployments_List": true, "Deployments_Get": true, "Deployments_Create": true, "Deployments_Delete": true,
}

// vendors are the rules that vendors publish for Azure OpenAI, for the gateway
// before it, or for the like of another cloud.
var vendors = []evaluate.Rule{
	{
		Name: "elastic-denial-of-service", Group: Vendor, Source: elasticRules + ", azure_openai", PerResource: true,
		Text: "10 chat completions on a resource within a minute, of 5,000 bytes on average",
		New: func() func(detectors.Event) bool {
			minute := bucket{length: detectors.Minute}
			return calls(func(c *detectors.Call) bool {
				b := minute.at(c.Time)
				if b == nil || c.Operation != "ChatCompletions_Create" {
					return false
				}
				b.calls++
				if c.RequestBytes >= 0 {
					b.some++
					b.bytes += c.RequestBytes
				}
				return b.calls >= 10 && b.some > 0 && b.bytes >= 5000*int64(b.some)
			})
		},
	},
	{
		Name: "elastic-insecure-output", Group: Vendor, Source: elasticRules + ", azure_openai", PerResource: true,
		Text: "10 calls on a resource within an hour that are answered with 200 and nothing",
		New: func() func(detectors.Event) bool {
			hour := bucket{length: detectors.Hour}
			return calls(func(c *detectors.Call) bool {
				b := hour.at(c.Time)
				if b == nil || c.Status != 200 || c.ResponseBytes != 0 {
					return false
				}
				b.some++
				return b.some >= 10
			})
		},
	},
	{
		Name: "elastic-model-theft", Group: Vendor, Source: elasticRules + ", azure_openai", PerResource: true,
		Text: "keys of a resource listed 100 times within an hour, or an answer of 1,000,000 bytes or more",
		New: func() func(detectors.Event) bool {
			hour := bucket{length: detectors.Hour}
			often := listings(func(a *detectors.Act) bool {
				b := hour.at(a.Time)
				if b == nil {
					return false
				}
				b.some++
				return b.some >= 100
			})
			// Elastic's query reads the length off rows of ListKey alone, which have none: of any call it can only find more.
			large := calls(func(c *detectors.Call) bool { return c.ResponseBytes >= 1_000_000 })
			return func(e detectors.Event) bool { return often(e) || large(e) }
		},
	},
	{
		Name: "elastic-validation-errors", Group: Vendor, Source: elasticRules + ", aws bedrock, carried over",
		Text: "4 calls of a principal within a minute that are refused with 400",
		New: func() func(detectors.Event) bool {
			minute := bucket{length: detectors.Minute}
			return calls(func(c *detectors.Call) bool {
				b := minute.at(c.Time)
				if b == nil || c.Status != 400 {
					return false
				}
				b.some++
				return b.some >= 4
			})
		},
	},
	{
		Name: "elastic-enumerate-then-invoke", Group: Vendor, Source: elasticRules + ", aws bedrock, carried over",
		Text: "models or deployments listed by a principal, and a model called within 15 minutes",
		New: func() func(detectors.Event) bool {
			var listed detectors.Time
			return calls(func(c *detectors.Call) bool {
				if c.Class == detectors.ClassListing {
					listed = max(listed, c.Time)
					return false
				}
				return listed != 0 && !c.Failed() && c.Time >= listed && c.Time-listed <= 15*detectors.Minute
			})
		},
	},
	{
		Name: "prowler-llm-jacking", Group: Vendor, Source: "Prowler, apim_threat_detection_llm_jacking", PerResource: true,
		Text: "3 of 20 listed operations by one address at a gateway within a day",
		New: func() func(detectors.Event) bool {
			addresses := map[netip.Addr]recent[string]{}
			return calls(func(c *detectors.Call) bool {
				if !c.From.Address.IsValid() || !prowlerOperations[c.Operation] {
					return false
				}
				operations := addresses[c.From.Address]
				if operations == nil {
					operations = recent[string]{}
					addresses[c.From.Address] = operations
				}
				operations.meet(c.Operation, c.Time)
				return len(operations) >= 3 && operations.since(c.Time-detectors.Day) >= 3
			})
		},
	},
	{
		Name: "sentinel-rare-operations", Group: Vendor, Source: "Microsoft Sentinel, Rare subscription-level operations", Everywhere: true,
		Text: "keys of any resources listed 5 times within a day by somebody from an address, who did not in the 14 days before",
		New: func() func(detectors.Event) bool {
			type period struct {
				begun detectors.Time
				count int
			}
			last, now := recent[caller]{}, map[caller]*period{}
			return listings(func(a *detectors.Act) bool {
				who := caller{a.Actor.ObjectID, a.From.Address}
				before, met := last.meet(who, a.Time)
				if !met || a.Time-before > 14*detectors.Day {
					now[who] = &period{begun: a.Time}
				}
				p := now[who]
				p.count++
				return p.count >= 5 && a.Time-p.begun <= detectors.Day
			})
		},
	},
	{
		Name: "datadog-key-listed", Group: Vendor, Source: "Datadog, Azure OpenAI keys listed", PerResource: true,
		Text: "keys of a resource listed with an application that has not listed them before, or that is none of Azure's portals",
		New: func() func(detectors.Event) bool {
			applications, since := recent[string]{}, detectors.Time(0)
			return listings(func(a *detectors.Act) bool {
				if since == 0 {
					since = a.Time
				}
				_, met := applications.meet(a.Actor.AppID, a.Time)
				return !met && a.Time-since >= detectors.Day || !a.Actor.Portal()
			})
		},
	},
	{
		Name: "defender-anonymised-address", Group: Vendor, Source: "Microsoft Defender for AI services, access from an anonymised address; by our table",
		Text: "a call from a Tor exit or a public VPN",
		New: func() func(detectors.Event) bool {
			return calls(func(c *detectors.Call) bool { return c.From.Kind == detectors.Tor || c.From.Kind == detectors.VPN })
		},
	},
}
