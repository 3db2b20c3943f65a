package simulate

import (
	"math/rand/v2"
	"net/netip"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/internal/azurelog"
)

// recorder writes calls and acts into the logs that the resource exports, and keeps the books.
type recorder struct {
	options *Options
	carrier *carrier
	truth   *Truth
	r       *rand.Rand // reseeded by the serial of every call: rows draw from nobody's stream
	pcg     *rand.PCG
}

func newRecorder(o *Options, c *carrier, truth *Truth) *recorder {
	pcg := rand.NewPCG(0, 0)
	return &recorder{options: o, carrier: c, truth: truth, pcg: pcg, r: rand.New(pcg)}
}

// record logs what a call or an act leaves behind.
func (rec *recorder) record(c *call) {
	if c.act == nil {
		rec.truth.Calls++
	}
	logged := rec.log(c)
	if c.campaign >= 0 {
		rec.truth.Campaigns[c.campaign].add(c, logged)
	}
}

// log reports whether a record tells of c.
func (rec *recorder) log(c *call) bool {
	rec.pcg.Seed(rec.options.Seed, c.serial)
	switch on := c.who.on; {
	case c.act != nil:
		return !c.unheard && rec.logAct(c)
	case on.sort == gateway:
		rec.logGateway(c)
		return true
	case on.sort == custom:
		return rec.logCustom(c)
	}
	return rec.logAccount(c)
}

// fragment is what the rows of a call have in common.
func (rec *recorder) fragment(c *call, category azurelog.Category) azurelog.Fragment {
	f := azurelog.Fragment{Category: category, Call: c.Call, Correlation: guid(rec.r)}
	f.Logged = c.Time + detectors.Time(c.DurationMs) + detectors.Time(between(rec.r, 400, 20000))
	return f
}

func (rec *recorder) logAccount(c *call) bool {
	on := c.who.on
	f := rec.fragment(c, azurelog.RequestResponse)
	if on.silent != 0 && f.Logged >= on.silent {
		return false
	}
	f.ObjectID = c.who.object
	if c.Status == 404 {
		f.Call.Deployment = "" // it is the one that there is not
	}
	f.NearEmpty = f.LooksNearEmpty()
	f.Address, f.Bits = masked(c.addr), 24
	if chance(rec.r, rec.options.TwinShare) {
		twin := f
		twin.NearEmpty, twin.ObjectID, twin.Logged = true, "", f.Logged+detectors.Time(between(rec.r, 0, 3000))
		twin.Call = bare(&f.Call)
		if chance(rec.r, .5) { // some know how much was sent, and with which program
			twin.Call.RequestBytes, twin.Call.ResponseBytes, twin.Call.Client = f.Call.RequestBytes, f.Call.ResponseBytes, f.Call.Client
			twin.Call.Client.Stream = detectors.StreamUnknown
		}
		rec.carrier.post(on, &twin, c.campaign)
	}
	if on.usageRows && c.Tokens.Known {
		usage := azurelog.Fragment{Category: azurelog.RequestUsage, Logged: f.Logged + 200, Correlation: f.Correlation, Call: bare(&f.Call)}
		usage.Call.Tokens = c.Tokens
		rec.carrier.post(on, &usage, c.campaign)
	}
	if !on.tokensInRow {
		f.Call.Tokens = detectors.Tokens{}
	}
	rec.carrier.post(on, &f, c.campaign)
	return true
}

// bare is what a row without identity says of a call.
func bare(c *detectors.Call) detectors.Call {
	return detectors.Call{Time: c.Time, DurationMs: -1, Status: c.Status, Operation: c.Operation, Class: c.Class, Images: c.Images, RequestBytes: -1, ResponseBytes: -1}
}

// logGateway: API Management logs when a call ended, and how long it took.
func (rec *recorder) logGateway(c *call) {
	on := c.who.on
	f := rec.fragment(c, azurelog.GatewayLogs)
	f.Logged = c.Time + detectors.Time(c.DurationMs)
	f.Subscription, f.Backend = c.who.subscription, on.backend.name
	f.Address, f.Bits = c.addr, 32
	f.Call.Model, f.Call.Tokens = "", detectors.Tokens{}
	f.Call.Client.Stream = detectors.StreamUnknown
	f.Call.RequestBytes += headers(c)
	f.Call.ResponseBytes += answerHeaders
	if c.Tokens.Known {
		llm := azurelog.Fragment{Category: azurelog.GatewayLlmLogs, Logged: f.Logged + 300, Correlation: f.Correlation}
		llm.Call = detectors.Call{
			Time: llm.Logged, DurationMs: -1, RequestBytes: -1, ResponseBytes: -1, Operation: c.Operation, Class: c.Class, Images: c.Images,
			Model: c.Model, Deployment: c.Deployment, Tokens: c.Tokens, Client: c.Client,
		}
		llm.Call.Tokens.Cached = 0
		rec.carrier.post(on, &llm, c.campaign)
		if c.Client.Stream == detectors.Streaming && c.Tokens.Completion > 400 {
			more := llm
			more.Logged, more.Continued = llm.Logged+5, true
			more.Call.Time, more.Call.Deployment, more.Call.Tokens = more.Logged, "", detectors.Tokens{}
			rec.carrier.post(on, &more, c.campaign)
		}
	}
	rec.carrier.post(on, &f, c.campaign)
	if on.leg != nil { // the backend's own log tells of the same call
		leg := *c
		leg.who, leg.addr = on.leg, on.legAddr
		leg.Time += 3
		rec.logAccount(&leg)
	}
}

// logCustom reports whether the gateway's own event was sent: those of
// streaming and of refused calls are missing. An event has but one time.
func (rec *recorder) logCustom(c *call) bool {
	if c.Client.Stream == detectors.Streaming || c.Failed() {
		return false
	}
	f := rec.fragment(c, azurelog.GatewayEvent)
	f.Logged = c.Time
	f.Subscription = c.who.subscription
	f.Address, f.Bits = c.addr, 32
	f.Call.DurationMs, f.Call.Status, f.Call.RequestBytes, f.Call.ResponseBytes = -1, 0, -1, -1
	f.Call.Client = detectors.Client{}
	f.Call.Tokens.Cached = 0
	rec.carrier.post(c.who.on, &f, c.campaign)
	return true
}

func (rec *recorder) logAct(c *call) bool {
	on := c.who.on
	f := azurelog.Fragment{Category: azurelog.Administrative, Logged: c.act.Time, Correlation: guid(rec.r), Act: c.act}
	f.Call.DurationMs, f.Call.RequestBytes, f.Call.ResponseBytes = -1, -1, -1
	f.Address, f.Bits = c.addr, 32
	if c.audit {
		f.Category, f.Correlation = azurelog.Audit, azurelog.Correlation{}
		f.Address, f.Bits = netip.Addr{}, 0
		if on.silent != 0 && f.Logged >= on.silent {
			return false
		}
	}
	rec.carrier.post(on, &f, c.campaign)
	return true
}
