package engine

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/netip"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
)

// resource is the state of one resource: the fold of its part of the log.
type resource struct {
	*worker
	id     string
	place  *place // in the log of a partition; nil in joined mode
	joins  joins
	itself *subject // what was done to it, and what all its callers do
	hand   *hand    // of a network; nil for what Azure calls a resource
	chunks []*chunk // of its callers, a power of two; nil where only in the store. The first, with itself and joins, is in memory
}

// caller names a principal on a resource.
type caller struct {
	Kind detectors.PrincipalKind
	ID   string
}

// unsubscribed is the caller of an API that API Management offers without subscription.
const unsubscribed = "(no subscription)"

func newResource(w *worker, id string) *resource {
	r := &resource{worker: w, id: id, chunks: []*chunk{newChunk()}}
	by := caller{detectors.ResourcePrincipal, id}
	if isNetwork(id) {
		r.hand = &hand{}
		by = caller{detectors.Operator, operatorOf(id).ID}
	}
	r.itself = newSubject(r, by)
	r.itself.chunk = r.chunks[0]
	return r
}

// assembling reports whether what comes was judged before, by an owner whose
// head is restored here: only the joins take it in again. What passed by time
// alone, before the checkpoint, is in the head that was saved before it.
func (r *resource) assembling() bool { return r.place != nil && r.sequence <= r.place.judged }

// take folds a fragment in, at the given time of the log.
func (r *resource) take(f *azurelog.Fragment, clock detectors.Time) {
	r.tick(clock)
	r.touch(r.chunks[0], clock)
	switch {
	case f.Act != nil:
		r.takeAct(f, clock)
	case f.Continued:
	case f.Category == azurelog.RequestUsage || f.Category == azurelog.GatewayLlmLogs:
		r.takeUsage(f, clock)
	default:
		r.takeCall(f, clock)
	}
}

// tick lets time pass: rows that have waited long enough are judged without
// identity, and a silence that has lasted long enough is judged.
func (r *resource) tick(clock detectors.Time) {
	for len(r.joins.waiting) > 0 && r.joins.waiting[0].Due <= clock {
		w := r.joins.waiting[0]
		r.joins.waiting = r.joins.waiting[1:]
		r.touch(r.chunks[0], clock)
		e, generation := r.joins.find(w.Correlation)
		if e.judged {
			continue
		}
		w.Call.Unproven = incomplete(&w.Call)
		e.judged = true
		r.judgeCall(caller{detectors.AccountKey, r.id}, &w.Call, &e, w.Due)
		generation[w.Correlation] = e
	}
	r.tally.Unmatched += r.joins.turn(clock)
	r.listen(clock)
}

// incomplete reports whether a row without identity, model and deployment is
// not all that there is to be logged of its call, so that another row has who
// made it. A call that found no deployment, or whose key was refused, has no
// model, and neither has one of an operation that needs none: then the row may
// be all, and a key was used.
func incomplete(c *detectors.Call) bool {
	if c.RequestBytes <= 0 && c.ResponseBytes <= 0 {
		return true
	}
	switch c.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
		return false
	}
	switch c.Class {
	case detectors.ClassChat, detectors.ClassEmbedding, detectors.ClassImage, detectors.ClassAudio:
		return true
	}
	return false
}

// touch says that the chunk changes.
func (r *resource) touch(c *chunk, clock detectors.Time) {
	c.used = clock
	if r.assembling() {
		return
	}
	c.changed = true
	if l := r.place; l != nil && !l.dirty {
		l.dirty, l.since, l.first = true, r.wall, r.sequence
	}
}

// takeAct judges an act, once. Several acts may have one correlation id, and
// those of the Audit category have none: all that an act says is its identity.
func (r *resource) takeAct(f *azurelog.Fragment, clock detectors.Time) {
	a := f.Act
	sum := sha256.Sum256(fmt.Appendf(nil, "%x %d %q %q %t %q", f.Correlation, a.Time, a.Operation, a.Target, a.Succeeded, a.Actor))
	id := azurelog.Correlation(sum[:16])
	e, generation := r.joins.find(id)
	if e.judged {
		r.tally.Duplicates++
		return
	}
	e.judged = true
	generation[id] = e
	if r.assembling() {
		return
	}
	r.tally.Acts++
	r.judge(r.itself, a, clock)
	r.itself.profile.Watch(a, r.pulse)
}

// takeCall judges a call at its first row that carries identity.
func (r *resource) takeCall(f *azurelog.Fragment, clock detectors.Time) {
	if f.Correlation == (azurelog.Correlation{}) {
		var alone join
		r.judgeCall(callerOf(f), &f.Call, &alone, clock)
		if alone.open != 0 {
			r.joins.release(alone.open)
		}
		return
	}
	e, generation := r.joins.find(f.Correlation)
	bit := bitOf(f)
	switch {
	case e.seen&bit != 0:
		r.joins.complete(f)
		r.tally.Duplicates++
		return
	case e.judged:
		r.tally.Twins++
	case f.NearEmpty:
		r.joins.wait(waiting{clock + identityWait, f.Correlation, f.Call})
		if r.place != nil {
			r.wakeAt(clock+identityWait, r.id)
		}
	default:
		e.judged = true
		r.judgeCall(callerOf(f), &f.Call, &e, clock)
	}
	e.seen |= bit
	generation[f.Correlation] = e
}

// callerOf is who made the call of a row that carries identity.
func callerOf(f *azurelog.Fragment) caller {
	switch {
	case f.Subscription != "":
		return caller{detectors.APIMSubscription, f.Subscription}
	case f.ObjectID != "":
		return caller{detectors.EntraObject, f.ObjectID}
	case f.Category == azurelog.RequestResponse:
		return caller{detectors.AccountKey, f.Resource}
	}
	return caller{detectors.APIMSubscription, unsubscribed}
}

// judgeCall judges a call, with the tokens that came before it, and keeps what
// those that come after it need to know.
func (r *resource) judgeCall(by caller, c *detectors.Call, e *join, clock detectors.Time) {
	if e.open != 0 {
		early := r.joins.open[e.open-1]
		r.joins.release(e.open)
		e.open = 0
		c.Tokens = together(c.Tokens, early.Tokens)
		if c.Model == "" {
			c.Model = early.Model
		}
	} else {
		e.open = r.joins.hold(open{
			Call: true, By: by, Time: c.Time, Class: c.Class, Model: c.Model, Deployment: c.Deployment,
			From: r.joins.intern(&c.From), Tokens: c.Tokens,
		})
	}
	if r.assembling() {
		return
	}
	r.tally.Calls++
	if c.Unproven {
		r.tally.Unproven++
	}
	p := r.principal(by)
	late := clock-c.Time > lateness
	if late {
		r.tally.Late++
	}
	r.judge(p, c, clock)
	r.itself.profile.Hear(c.Time, p.voice(&c.From), r.pulse)
	caller := p.profile.Caller
	if p.profile.Guarded || c.WrongKey() || c.Status == http.StatusForbidden {
		caller = 0 // whoever this is, the peers' ways are not told by it
	}
	r.itself.profile.LearnPeer(c, by.Kind, caller, late)
}

// lateness is how late an event may come and still count in its own minute.
const lateness = detectors.Hour

// takeUsage adds tokens to their call.
func (r *resource) takeUsage(f *azurelog.Fragment, clock detectors.Time) {
	e, generation := r.joins.find(f.Correlation)
	bit := bitOf(f)
	switch {
	case f.Correlation == (azurelog.Correlation{}):
		r.tally.Unmatched++
		return
	case e.seen&bit != 0:
		r.tally.Duplicates++
		return
	case e.judged && e.open != 0:
		call := r.joins.open[e.open-1]
		r.joins.release(e.open)
		e.open = 0
		r.judgeUsage(&call, f, clock)
	case !e.judged && e.open == 0:
		e.open = r.joins.hold(open{Model: f.Call.Model, Tokens: f.Call.Tokens})
	}
	e.seen |= bit
	generation[f.Correlation] = e
}

// judgeUsage judges the tokens that a call did not have yet.
func (r *resource) judgeUsage(call *open, f *azurelog.Fragment, clock detectors.Time) {
	u := detectors.Usage{Time: call.Time, Class: call.Class, Model: call.Model, Deployment: call.Deployment, Tokens: f.Call.Tokens}
	if call.Tokens.Known {
		u.Tokens = detectors.Tokens{Cached: max(0, f.Call.Tokens.Cached-call.Tokens.Cached), Known: true}
		if u.Tokens.Cached == 0 {
			return
		}
	}
	if u.Model == "" {
		u.Model = f.Call.Model
	}
	if call.From != nil {
		u.From = *call.From
	}
	if r.assembling() {
		return
	}
	r.tally.Usages++
	r.judge(r.principal(call.By), &u, clock)
}

// together is the tokens of two rows about one call.
func together(a, b detectors.Tokens) detectors.Tokens {
	if !a.Known {
		return b
	}
	a.Cached = max(a.Cached, b.Cached)
	return a
}

// judge has every detector of the subject's scope judge e, and then lets the subject learn it.
func (r *resource) judge(s *subject, e detectors.Event, clock detectors.Time) {
	r.touch(s.chunk, clock)
	s.profile.Advance(e.When())
	s.profile.Decoy, s.profile.Since = r.rules.decoy(s.profile.Principal), r.rules.Since
	s.profile.Premises, s.profile.Clock = r.rules.Premises, r.now
	r.itself.profile.Premises, r.itself.profile.Clock = r.rules.Premises, r.now
	r.rules.watch(e)
	exempt := r.rules.exceptions(s.profile.Principal, e)
	if len(exempt) > 0 {
		r.tally.Exempt++
	}
	for i, d := range r.Detectors {
		if d.Scope != s.scope || exempt.from(d.ID) {
			continue
		}
		if f, found := d.Observe(&s.profile, e, s.memory(i)); found {
			r.tally.Findings++
			s.add(d, f)
			r.sight(s, d, &f, e)
		}
	}
	if !exempt.wholly() {
		s.concern(e, r.Prices)
	}
	if c, ok := e.(*detectors.Call); ok && len(exempt) == 0 && !s.profile.Decoy {
		r.dwell(s, c)
	}
	s.profile.Learn(e, clock-e.When() > lateness)
	if exempt.wholly() {
		s.profile.Settle([]netip.Prefix{networkOf(e).Prefix})
	}
}
