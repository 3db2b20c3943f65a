package peers

import (
	"net/netip"
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/evaluate"
)

// story is events, and whether the rule must fire within them.
type story struct {
	rule   string
	name   string
	fires  bool
	events []detectors.Event
}

// call is a call at a time, changed as said.
func call(at detectors.Time, change ...func(*detectors.Call)) detectors.Event {
	c := &detectors.Call{Time: day0 + at, Status: 200, Operation: "ChatCompletions_Create", Class: detectors.ClassChat, RequestBytes: 900, ResponseBytes: 400, From: network(0)}
	for _, f := range change {
		f(c)
	}
	return c
}

const day0 = 20_000 * detectors.Day

// network is the n-th /24.
func network(n int) detectors.Network {
	addr := netip.AddrFrom4([4]byte{10, byte(n >> 8), byte(n), 7})
	return detectors.Network{Prefix: netip.PrefixFrom(addr, 24).Masked(), Address: addr, Country: detectors.Country{'D', 'E'}}
}

func from(n int) func(*detectors.Call) { return func(c *detectors.Call) { c.From = network(n) } }

func in(country string) func(*detectors.Call) {
	return func(c *detectors.Call) { c.From.Country = detectors.Country{country[0], country[1]} }
}

func status(n int) func(*detectors.Call) { return func(c *detectors.Call) { c.Status = n } }

func request(bytes int64) func(*detectors.Call) {
	return func(c *detectors.Call) { c.RequestBytes = bytes }
}

func answer(bytes int64) func(*detectors.Call) {
	return func(c *detectors.Call) { c.ResponseBytes = bytes }
}

func operation(name string) func(*detectors.Call) {
	return func(c *detectors.Call) { c.Operation = name }
}

func kind(k detectors.NetworkKind) func(*detectors.Call) {
	return func(c *detectors.Call) { c.From.Kind = k }
}

func empty(c *detectors.Call) { c.ResponseBytes = 0 }

func listing(c *detectors.Call) { c.Operation, c.Class = "Models_List", detectors.ClassListing }

// Applications of Azure's own.
const (
	portal = "c44b4083-3bb0-49c1-b47d-974e53cbdf3c"
	studio = "dc807dec-d211-4b3f-bc8a-43b3443c4874"
)

// listed is keys listed at a time by somebody with an application.
func listed(at detectors.Time, who, app string) detectors.Event {
	return &detectors.Act{Time: day0 + at, Operation: "microsoft.cognitiveservices/accounts/listkeys/action", Succeeded: true, Actor: detectors.Actor{ObjectID: who, AppID: app}, From: network(1)}
}

// listedFrom is keys listed by somebody from one of the addresses of a network.
func listedFrom(host int, at detectors.Time) detectors.Event {
	act := listed(at, "u", portal).(*detectors.Act)
	act.From.Address = netip.AddrFrom4([4]byte{10, 0, 1, byte(host)})
	return act
}

// times makes n events, each step later than the one before.
func times(n int, start, step detectors.Time, make func(i int, at detectors.Time) detectors.Event) []detectors.Event {
	var events []detectors.Event
	for i := range n {
		events = append(events, make(i, start+detectors.Time(i)*step))
	}
	return events
}

func each(n int, start, step detectors.Time, change ...func(*detectors.Call)) []detectors.Event {
	return times(n, start, step, func(_ int, at detectors.Time) detectors.Event { return call(at, change...) })
}

func then(parts ...[]detectors.Event) (all []detectors.Event) {
	for _, p := range parts {
		all = append(all, p...)
	}
	return all
}

func stories() []story {
	const s, m, h, d = detectors.Second, detectors.Minute, detectors.Hour, detectors.Day
	steady := each(24*4, 0, 15*m) // four calls an hour for a day
	return []story{
		{"elastic-denial-of-service", "ten_large_ones", true, each(10, 0, 5*s, request(5000))},
		{"elastic-denial-of-service", "nine", false, each(9, 0, 5*s, request(9000))},
		{"elastic-denial-of-service", "a_little_smaller", false, each(10, 0, 5*s, request(4999))},
		{"elastic-denial-of-service", "over_two_minutes", false, each(12, 0, 8*s, request(9000))},
		{"elastic-denial-of-service", "some_of_unknown_size", true, then(each(5, 0, 5*s, request(-1)), each(5, 25*s, 5*s, request(5000)))},
		{"elastic-denial-of-service", "all_of_unknown_size", false, each(10, 0, 5*s, request(-1))},
		{"elastic-denial-of-service", "embeddings", false, each(10, 0, 5*s, request(9000), operation("Embeddings_Create"))},
		{"elastic-insecure-output", "ten_empty_answers", true, each(10, 0, m, empty)},
		{"elastic-insecure-output", "refused_ones", false, each(20, 0, m, empty, status(400))},
		{"elastic-insecure-output", "nine", false, each(9, 0, m, empty)},
		{"elastic-model-theft", "a_hundred_listings", true, times(100, 0, s, func(_ int, at detectors.Time) detectors.Event { return listed(at, "u", "a") })},
		{"elastic-model-theft", "ninety_nine", false, times(99, 0, s, func(_ int, at detectors.Time) detectors.Event { return listed(at, "u", "a") })},
		{"elastic-model-theft", "a_large_answer", true, each(1, 0, s, answer(1_000_000))},
		{"elastic-model-theft", "a_little_smaller", false, each(200, 0, s, answer(999_999))},
		{"elastic-validation-errors", "four_in_a_minute", true, each(4, 0, 10*s, status(400))},
		{"elastic-validation-errors", "three_and_an_answer", false, then(each(3, 0, 10*s, status(400)), each(1, 40*s, s))},
		{"elastic-validation-errors", "over_minutes", false, each(12, 0, 25*s, status(400))},
		{"elastic-enumerate-then-invoke", "within_a_quarter", true, []detectors.Event{call(0, listing), call(15 * m)}},
		{"elastic-enumerate-then-invoke", "later", false, []detectors.Event{call(0, listing), call(15*m + 1)}},
		{"elastic-enumerate-then-invoke", "refused", false, []detectors.Event{call(0, listing), call(m, status(404))}},
		{"elastic-enumerate-then-invoke", "the_other_way_round", false, []detectors.Event{call(0), call(m, listing)}},
		{"prowler-llm-jacking", "three_operations", true, []detectors.Event{call(0), call(h, operation("Embeddings_Create")), call(2*h, operation("ImageGenerations_Create"))}},
		{"prowler-llm-jacking", "of_others", false, []detectors.Event{call(0), call(h, operation("Transcriptions_Create")), call(2*h, operation("Models_Get")), call(3*h, operation("Embeddings_Create"))}},
		{"prowler-llm-jacking", "from_three_addresses", false, []detectors.Event{call(0), call(h, from(1), operation("Embeddings_Create")), call(2*h, from(2), operation("ImageGenerations_Create"))}},
		{"prowler-llm-jacking", "over_more_than_a_day", false, []detectors.Event{call(0), call(h, operation("Embeddings_Create")), call(25*h, operation("ImageGenerations_Create"))}},
		{"prowler-llm-jacking", "of_an_account_that_masks", false, []detectors.Event{call(0, masked), call(h, operation("Embeddings_Create"), masked), call(2*h, operation("ImageGenerations_Create"), masked)}},
		{"sentinel-rare-operations", "five_of_a_stranger", true, times(5, 0, h, func(_ int, at detectors.Time) detectors.Event { return listed(at, "u", "a") })},
		{"sentinel-rare-operations", "from_five_addresses", false, times(5, 0, h, listedFrom)},
		{"sentinel-rare-operations", "four", false, times(4, 0, h, func(_ int, at detectors.Time) detectors.Event { return listed(at, "u", "a") })},
		{"sentinel-rare-operations", "a_pipeline", false, times(30, 0, d, func(_ int, at detectors.Time) detectors.Event { return listed(at, "pipeline", "a") })},
		{"datadog-key-listed", "another_application", true, []detectors.Event{listed(0, "u", portal), listed(2*d, "u", studio)}},
		{"datadog-key-listed", "no_portal", true, []detectors.Event{listed(0, "u", "cli")}},
		{"datadog-key-listed", "the_same_one", false, []detectors.Event{listed(0, "u", portal), listed(2*d, "v", portal)}},
		{"datadog-key-listed", "the_first", false, []detectors.Event{listed(0, "u", portal), listed(h, "u", studio)}},
		{"defender-anonymised-address", "tor", true, each(1, 0, s, kind(detectors.Tor))},
		{"defender-anonymised-address", "vpn", true, each(1, 0, s, kind(detectors.VPN))},
		{"defender-anonymised-address", "hosting", false, each(9, 0, s, kind(detectors.Hosting))},
		{"new-country-in-7-days", "another_country", true, then(each(1, 0, s), each(1, 2*d, s, in("FR")))},
		{"new-country-in-7-days", "after_eight_days", true, then(each(1, 0, s), each(1, 8*d, s))},
		{"new-country-in-7-days", "after_seven_days", false, then(each(1, 0, s), each(1, 7*d, s))},
		{"new-country-in-7-days", "on_the_first_day", false, then(each(1, 0, s), each(1, 20*h, s, in("FR")))},
		{"hourly-calls-over-3-sigma", "thirty_in_an_hour", true, then(steady, each(30, d, m))},
		{"hourly-calls-over-3-sigma", "nine", false, then(steady, each(9, d, m))},
		{"hourly-calls-over-3-sigma", "on_the_first_day", false, each(50, 0, m)},
		{"hourly-calls-over-3-sigma", "where_it_is_usual", false, each(24*40*3, 0, 90*s)},
		{"more-than-10-networks-an-hour", "eleven", true, times(11, 0, 5*m, func(i int, at detectors.Time) detectors.Event { return call(at, from(i)) })},
		{"more-than-10-networks-an-hour", "ten", false, times(40, 0, m, func(i int, at detectors.Time) detectors.Event { return call(at, from(i%10)) })},
		{"more-than-10-networks-an-hour", "over_two_hours", false, times(40, 0, 7*m, func(i int, at detectors.Time) detectors.Event { return call(at, from(i)) })},
		{"30-percent-status-400", "three_of_ten", true, then(each(7, 0, m), each(3, 7*m, m, status(400)))},
		{"30-percent-status-400", "two_of_ten", false, then(each(8, 0, m), each(2, 8*m, m, status(400)))},
		{"30-percent-status-400", "nine_of_nine", false, each(9, 0, m, status(400))},
		{"30-percent-status-400", "throttled", false, each(20, 0, m, status(429))},
	}
}

func masked(c *detectors.Call) { c.From.Address = netip.Addr{} }

// TestRules tells every rule a story in which it must fire and near misses in which it must not.
func TestRules(t *testing.T) {
	rules := map[string]evaluate.Rule{}
	for _, r := range Rules() {
		if _, twice := rules[r.Name]; twice || r.Text == "" || r.Source == "" || r.Group != Vendor && r.Group != HandWritten {
			t.Errorf("rule %q is there twice, or without its text, source or group", r.Name)
		}
		rules[r.Name] = r
	}
	told := map[string][2]bool{}
	for _, s := range stories() {
		t.Run(s.rule+"/"+s.name, func(t *testing.T) {
			rule, ok := rules[s.rule]
			if !ok {
				t.Fatal("there is no such rule")
			}
			judge, fired := rule.New(), false
			for _, e := range s.events {
				fired = judge(e) || fired
			}
			if fired != s.fires {
				t.Errorf("fired: %v", fired)
			}
		})
		both := told[s.rule]
		if s.fires {
			both[0] = true
		} else {
			both[1] = true
		}
		told[s.rule] = both
	}
	for name := range rules {
		if told[name] != [2]bool{true, true} {
			t.Errorf("%s needs a story in which it fires and one in which it does not", name)
		}
	}
}
