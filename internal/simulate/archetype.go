package simulate

import (
	"math/rand/v2"
	"slices"

	"github.com/keywarden/keywarden/detectors"
)

// archetype is a sort of benign principal.
type archetype struct {
	name   string
	kinds  []detectors.PrincipalKind // it occurs as these
	weight float64                   // share among the archetypes of a kind

	calls   float64 // on an ordinary working day: the median of principals
	session float64 // mean calls of a session, or 0: a single batch a day of all calls
	gap     float64 // mean seconds between a session's calls
	shape   *shape

	works    func(r *rand.Rand) []work // the first is what most sessions are
	habitat  func(l *life) habitat
	filtered float64 // share of calls that the content filter refuses
	habits   habits
}

// habits are what an archetype does besides its daily work.
type habits struct {
	migrates, tries  float64 // multiples of churnMigrate and churnTrial; 0 counts as 1
	lists            bool    // reads the names of models and deployments
	testsKey         bool    // uses Entra, but tests a key now and then
	testsLoad        bool
	marketing, twice bool
	grows            bool // 5 % a day
	bornLate         bool // appears when a quarter to three quarters of the run are over
	weekly           bool // its batch runs on Mondays only
}

var (
	byKey    = []detectors.PrincipalKind{detectors.AccountKey, detectors.APIMSubscription}
	byEntra  = []detectors.PrincipalKind{detectors.EntraObject}
	byDirect = []detectors.PrincipalKind{detectors.AccountKey, detectors.EntraObject}
	byAny    = []detectors.PrincipalKind{detectors.AccountKey, detectors.EntraObject, detectors.APIMSubscription}
)

// archetypes are all sorts of benign principals. Every look-alike that analysts know is the habit of one of them, or in churn.go.
var archetypes = []archetype{
	{name: "backend", kinds: byAny, weight: 16, calls: 500, session: 5, gap: 30, shape: &alwaysBusy, works: assistants, habitat: cloud(24), filtered: .002},
	{name: "office-app", kinds: byAny, weight: 10, calls: 260, session: 5, gap: 35, shape: &officeHours, works: assistants, habitat: inOffice, filtered: .001},
	{name: "ci-runners", kinds: byKey, weight: 6, calls: 120, session: 40, gap: 2, shape: &officeHours, works: checks, habitat: hosted},
	{name: "saas-users", kinds: byKey, weight: 6, calls: 450, session: 4, gap: 30, shape: &wakingHours, works: assistants, habitat: users, filtered: .006},
	{name: "nightly-batch", kinds: byDirect, weight: 7, calls: 350, gap: .8, works: batches, habitat: cloud(2), habits: habits{twice: true}},
	{name: "image-studio", kinds: byKey, weight: 6, calls: 50, session: 5, gap: 30, shape: &officeHours, works: pictures, habitat: inOffice, filtered: .02, habits: habits{marketing: true}},
	{name: "person", kinds: byEntra, weight: 12, calls: 35, session: 6, gap: 50, shape: &wakingHours, works: assistants, habitat: person(1), filtered: .004},
	{name: "traveller", kinds: byEntra, weight: 8, calls: 35, session: 6, gap: 50, shape: &wakingHours, works: assistants, habitat: person(15), filtered: .002},
	{name: "coder", kinds: byDirect, weight: 7, calls: 180, session: 30, gap: 8, shape: &wakingHours, works: editors, habitat: person(1)},
	{name: "developer", kinds: byDirect, weight: 6, calls: 30, session: 5, gap: 40, shape: &officeHours, works: assistants, habitat: person(1), filtered: .003, habits: habits{lists: true, tries: 12}},
	{name: "growing", kinds: byAny, weight: 4, calls: 90, session: 5, gap: 30, shape: &alwaysBusy, works: assistants, habitat: cloud(6), filtered: .002, habits: habits{grows: true}},
	{name: "seldom", kinds: byKey, weight: 6, calls: .5, session: 4, gap: 30, shape: &officeHours, works: assistants, habitat: inOffice},
	{name: "newcomer", kinds: byAny, weight: 5, calls: 250, session: 5, gap: 30, shape: &wakingHours, works: assistants, habitat: cloud(4), habits: habits{bornLate: true}},
	{name: "weekly-report", kinds: byDirect, weight: 5, calls: 200, gap: 3, works: reports, habitat: cloud(1), habits: habits{weekly: true}},
	{name: "migrator", kinds: byAny, weight: 5, calls: 350, session: 5, gap: 30, shape: &alwaysBusy, works: assistants, habitat: cloud(8), filtered: .002, habits: habits{migrates: 25}},
	{name: "load-tested", kinds: byAny, weight: 4, calls: 200, session: 5, gap: 30, shape: &wakingHours, works: assistants, habitat: cloud(3), habits: habits{testsLoad: true}},
	{name: "entra-team", kinds: byEntra, weight: 9, calls: 90, session: 8, gap: 20, shape: &officeHours, works: assistants, habitat: inOffice, filtered: .001, habits: habits{testsKey: true}},
}

// Archetypes are the names of all sorts of benign principals.
func Archetypes() []string {
	names := make([]string, len(archetypes))
	for i := range archetypes {
		names[i] = archetypes[i].name
	}
	return names
}

// archetypeFor is the archetype of the n-th principal of a kind. Principals
// are spread evenly over the weights (a golden-ratio sequence), so that rare
// ones occur in small runs too.
func (o *Options) archetypeFor(who *identity, n int) *archetype {
	weight := func(a *archetype) float64 {
		if !slices.Contains(a.kinds, who.Kind) || a.habits.testsKey && !who.on.entraOnly {
			return 0
		}
		if w, ok := o.Mix[a.name]; ok {
			return max(0, w)
		}
		return a.weight
	}
	sum := 0.0
	for i := range archetypes {
		sum += weight(&archetypes[i])
	}
	const golden = 0.6180339887498949
	u := fraction(hash(who.Kind.String())^mix(o.Seed)) + float64(float64(n)*golden)
	rest := (u - float64(int(u))) * sum
	last := &archetypes[0]
	for i := range archetypes {
		if w := weight(&archetypes[i]); w > 0 {
			last = &archetypes[i]
			if rest -= w; rest < 0 {
				break
			}
		}
	}
	return last
}

func assistants(r *rand.Rand) []work {
	model := pick(r, []string{"gpt-4o", "gpt-4o", "gpt-4o-mini", "gpt-4.1", "gpt-4.1-mini", "gpt-5-mini"})
	works := []work{chat(model, pick(r, []float64{0, 0, .3, .9}))}
	if chance(r, .15) {
		works[0] = responses(model)
	}
	if chance(r, .4) {
		works = append(works, embedding("text-embedding-3-large"))
	}
	if chance(r, .07) {
		works = append(works, transcription())
	}
	return works
}

func checks(r *rand.Rand) []work {
	return []work{chat(pick(r, []string{"gpt-4o-mini", "gpt-4.1-mini"}), 0)}
}

func editors(r *rand.Rand) []work {
	return []work{coding(pick(r, []string{"gpt-4.1", "gpt-5", "o4-mini"}))}
}

func batches(r *rand.Rand) []work {
	return []work{embedding(pick(r, []string{"text-embedding-3-small", "text-embedding-3-large", "text-embedding-ada-002"}))}
}

func pictures(r *rand.Rand) []work {
	return []work{image(pick(r, []string{"dall-e-3", "gpt-image-1"})), chat("gpt-4o-mini", 0)}
}

func reports(r *rand.Rand) []work { return []work{report(pick(r, []string{"gpt-4o", "gpt-4.1"}))} }

func inOffice(*life) habitat { return atOffice{} }

func hosted(*life) habitat { return onRunners{} }

func users(l *life) habitat { return newOfUsers(l) }

func person(travels float64) func(*life) habitat {
	return func(l *life) habitat { return newOfPerson(l, travels) }
}

// cloud is a backend with a pool of one to most addresses, small ones more often.
func cloud(most int) func(*life) habitat {
	return func(l *life) habitat {
		u := l.r.Float64()
		return newInCloud(l, 1+int(float64(most)*u*u))
	}
}
