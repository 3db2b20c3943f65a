// Package operator finds one hand on several principals.
package operator

import (
	"fmt"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/internal/stat"
)

// Detector is operator.
var Detector = detectors.New(detectors.Description{
	ID:    "operator",
	Title: "One hand on several principals",
	Text: "One network did telling things to several principals within a week, on one account or on many: it tried their keys, guessed deployments, pressed the filters, came with a client that they do not have or from servers for rent, or it listed the keys of several accounts within an hour (from Azure pipelines do, and two from a home or an office may be an administrator's). What each of them shows may be faint; together they are one thief with many keys. " +
		"It counts principals for whom the network is foreign, so a shared gateway or an office is none; mere moves to a new network do not count, for offices move as a whole. It counts more where several accounts were touched, where the client was the same each time, and where a principal that was tried is then used in bulk from there. A thief who changes the network with each key is missed here.",
	Severity: detectors.High,
	Family:   detectors.FanOut,
	Scope:    detectors.PerOperator,
	Techniques: []detectors.Technique{
		{Framework: "ATT&CK 17.1", ID: "T1078.004"},
		{Framework: "ATT&CK 17.1", ID: "T1526"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0012"},
		{Framework: "ATLAS 5.6.0", ID: "AML.T0040"},
		{Framework: "OWASP LLM 2025", ID: "LLM10"},
	},
	Benign: []string{
		"A health probe of the owner's that begins to call all accounts from a new network.",
		"A penetration test, or a scanner for leaked keys that somebody ordered.",
		"A company that sends everybody through a new VPN.",
	},
	Triage: []string{
		"Ask whether a test or a new monitoring service runs from that network.",
		"Look how the thief came by all of them: a repository, a vault or a pipeline that holds these keys and no others.",
		"Rotate all of the principals' keys at once, also of those that were only tried.",
		"Block the network at the accounts' firewalls, and put it on the watchlist.",
	},
	Version: 2,
}, observe)

// What a principal that was touched is worth, at most, in bits, and what makes
// the whole more. Assumed: simulated benign life has no two that were touched.
const (
	mostTouched = 8.0
	mostPlace   = 5.0 // where all that is telling is the kind of network
	mostActed   = 5.5 // of acts from a home or an office: whoever administers many accounts works on several at once
	farApart    = 2.0 // each further account, up to far
	far         = 3
	sameClient  = 2.0 // of all calls
	probed      = 3.0 // by more than the kind of network, at least two of them
	thenUsed    = 3.0 // where one of several that were probed is then used in bulk
	least       = 8.0 // that is worth saying
)

// state is who was touched. The engine hands sightings in the order of their
// time, each once, and begins anew with each of their sets.
type state struct {
	Said    stat.Latch
	Since   detectors.Time // of the first call
	Touched [maxTouched]touched
	Client  uint64 // a hash of the first
	Differs bool   // another client came, too
}

// touched is a principal, by hashes; zero for none.
type touched struct {
	Principal, Resource uint64
	Bits                float32
	Probed              bool           // not only from a strange kind of network
	Used                bool           // in bulk, after that
	Act                 detectors.Time // the latest act on the account; 0 where a principal of it called
}

// session is how long acts on several accounts are one deed: who administers
// many accounts touches them over days, who harvests them does it at once.
const session = detectors.Hour

// over reports whether all that is known of t are acts of another session.
func (t *touched) over(now detectors.Time) bool { return t.Act != 0 && now-t.Act > session }

const maxTouched = 32

func observe(before *detectors.Profile, e detectors.Event, own *state) (detectors.Finding, bool) {
	s, ok := e.(*detectors.Sighting)
	if !ok {
		return detectors.Finding{}, false
	}
	if !s.Uses() {
		own.add(s)
	} else if !own.use(s) {
		return detectors.Finding{}, false
	}
	principals, resources, since, bits := own.weigh(s.Time)
	if principals < 2 || bits < least || !own.Said.Raise(int64(s.Time/detectors.Day), bits, least) {
		return detectors.Finding{}, false
	}
	span := s.Time - since
	return detectors.Finding{
		Time: s.Time,
		Bits: bits,
		Summary: fmt.Sprintf("%d principals on %s were touched within %s%s from %s, which none of them uses; the latest: %s of %s",
			principals, plural(resources, "account"), length(span), own.client(), &s.From, s.Detector, name(&s.Principal)),
		Observed: detectors.Facts{
			"principals": float64(principals), "accounts": float64(resources), "hours": float64(span) / float64(detectors.Hour), "client": strings.TrimSpace(s.Client.APIVersion + " " + s.Client.UserAgent), "network": s.From.String(),
		},
		Usual:    detectors.Facts{"principalsOfThatNetwork": 0.0},
		Networks: []detectors.Network{s.From},
	}, true
}

// use takes in that a principal is used in bulk, and reports whether that is news; of one that
// was not probed, it is no more than a move.
func (own *state) use(s *detectors.Sighting) (news bool) {
	key := principal(s)
	for i := range own.Touched {
		if t := &own.Touched[i]; t.Principal == key && t.Probed && !t.Used {
			t.Used, news = true, true
		}
	}
	return news
}

func principal(s *detectors.Sighting) uint64 {
	return hash(s.Principal.Kind.String(), s.Principal.ID, s.Principal.Resource)
}

// add takes in that a principal is touched.
func (own *state) add(s *detectors.Sighting) {
	if s.Client != (detectors.Client{}) {
		client := hash(s.Client.APIVersion, s.Client.UserAgent)
		own.Differs = own.Differs || own.Client != 0 && own.Client != client
		if own.Client == 0 {
			own.Client = client
		}
	}
	bits, tells, act := min(s.Bits, mostTouched), true, detectors.Time(0)
	switch s.Family {
	case detectors.Place:
		bits, tells = min(bits, mostPlace), false
	case detectors.ControlPlane:
		tells, act = false, s.Time
		if s.From.Kind == detectors.Residential || s.From.Kind == detectors.Business {
			bits = min(bits, mostActed)
		}
	}
	key := principal(s)
	i := slices.IndexFunc(own.Touched[:], func(t touched) bool { return t.Principal == key })
	if i < 0 {
		i = slices.IndexFunc(own.Touched[:], func(t touched) bool { return t.Principal == 0 || t.over(s.Time) })
	}
	if i < 0 {
		return
	}
	if act == 0 && own.Since == 0 {
		own.Since = s.Time
	}
	t := &own.Touched[i]
	if t.Principal != key || t.over(s.Time) {
		*t = touched{Principal: key, Resource: hash(s.Principal.Resource)}
	}
	t.Bits, t.Probed, t.Act = max(t.Bits, float32(bits)), t.Probed || tells, act
}

// weigh is how many principals and resources were touched until now, since when, and what that is worth.
func (own *state) weigh(now detectors.Time) (principals, resources int, since detectors.Time, bits float64) {
	tried, used := 0, false
	since = now
	for i, t := range own.Touched {
		if t.Principal == 0 {
			break
		}
		if t.over(now) {
			continue
		}
		principals++
		if t.Act != 0 {
			since = min(since, t.Act)
		} else {
			since = min(since, own.Since)
		}
		if t.Probed {
			tried++
		}
		used = used || t.Used
		bits += float64(t.Bits)
		if !slices.ContainsFunc(own.Touched[:i], func(o touched) bool { return o.Resource == t.Resource && !o.over(now) }) {
			resources++
		}
	}
	if tried > 1 {
		bits += probed
		if used {
			bits += thenUsed
		}
	}
	bits += farApart * float64(min(max(resources-1, 0), far))
	if !own.Differs && own.Client != 0 {
		bits += sameClient
	}
	return principals, resources, since, bits
}

func hash(texts ...string) uint64 {
	h := fnv.New64a()
	for _, text := range texts {
		_, _ = h.Write([]byte(text)) // never fails
		_, _ = h.Write([]byte{0})
	}
	return h.Sum64() | 1
}

func plural(n int, what string) string {
	if n == 1 {
		return "one " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// client says whether all came with the same one.
func (own *state) client() string {
	switch {
	case own.Client == 0:
		return ""
	case own.Differs:
		return " with several clients"
	}
	return " with one client"
}

// length is a time as people say it.
func length(t detectors.Time) string {
	if t < 2*detectors.Hour {
		return plural(max(1, int(t/detectors.Minute)), "minute")
	}
	return plural(int(t/detectors.Hour), "hour")
}

// name is a principal for an analyst.
func name(p *detectors.Principal) string {
	resource := p.Resource[strings.LastIndexAny(p.Resource, "/:")+1:]
	if p.Kind == detectors.AccountKey {
		return "the key of " + resource
	}
	return fmt.Sprintf("%s %s on %s", p.Kind, p.ID, resource)
}
