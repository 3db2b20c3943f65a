package simulate

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/keywarden/keywarden/detectors"
)

// Applications through which administrators act.
const (
	appPortal = "c44b4083-3bb0-49c1-b47d-974e53cbdf3c"
	appStudio = "cb2ff863-7f30-4ced-ab89-a00194bcf6d9"
	appCLI    = "04b07795-8ddb-461a-bbee-02f9e1bf7b46"
)

// chores are what administrators do on an account now and then: mean number a working day.
var chores = []struct {
	operation string
	perDay    float64
}{
	{actListKeys, .15},
	{actDeploy, .08},
	{"microsoft.cognitiveservices/accounts/regeneratekey/action", .01},
	{"microsoft.cognitiveservices/accounts/deployments/delete", .02},
	{actWriteAccount, .02},
	{actAssignRole, .03},
	{actWritePolicy, .01},
}

// administration is the ordinary control-plane life of one resource.
type administration struct {
	on  *resource
	r   *rand.Rand
	pet string     // object id of a pipeline that lists keys daily; "" where there is none
	ci  netip.Addr // from where pipelines act

	deployment detectors.Actor // who deploys
	home       netip.Addr      // from where administrators act who are not at the office
}

func newAdministration(o *Options, on *resource) *administration {
	a := &administration{on: on, r: stream(o.Seed, "admin/"+on.name)}
	a.ci = somewhere(a.r, azure, on.company.home)
	a.deployment = detectors.Actor{ObjectID: guidText(guid(a.r)), AppID: appCLI}
	if chance(a.r, .2) {
		a.pet = guidText(guid(a.r))
	}
	a.home = somewhere(a.r, fixed, on.company.home)
	return a
}

func (a *administration) window(now, _ detectors.Time, emit func(*call)) {
	if now%detectors.Hour != 0 || a.on.sort != account {
		return
	}
	company := a.on.company
	local := company.zone.local(now)
	if a.pet != "" && local.Hour() == 5 {
		a.do(actListKeys, detectors.Actor{ObjectID: a.pet, AppID: appCLI}, a.ci, now, emit)
	}
	if chance(a.r, replacesLogs/24) { // a deployment, which deletes the diagnostic setting and writes it again
		at := now + detectors.Time(a.r.Int64N(int64(detectors.Hour)))
		a.doAt(actCutLogs, a.deployment, a.ci, at, emit)
		a.doAt(actWriteLogs, a.deployment, a.ci, at+detectors.Time(between(a.r, 2, 300)*float64(detectors.Second)), emit)
	}
	if local.Hour() < 9 || local.Hour() > 16 || local.Weekday() == time.Saturday || local.Weekday() == time.Sunday || holiday(company.home, local) {
		return
	}
	for _, chore := range chores {
		if !chance(a.r, chore.perDay/8) {
			continue
		}
		admin := pick(a.r, company.admins)
		actor := detectors.Actor{ObjectID: admin.object, Name: "admin@" + a.on.name + ".example", AppID: pick(a.r, []string{appPortal, appPortal, appStudio, appCLI})}
		from := company.office.address(a.r, now)
		if chance(a.r, shareAtHome) {
			from = a.home
		}
		a.do(chore.operation, actor, from, now, emit)
	}
}

func (a *administration) do(operation string, actor detectors.Actor, from netip.Addr, now detectors.Time, emit func(*call)) {
	a.doAt(operation, actor, from, now+detectors.Time(a.r.Int64N(int64(detectors.Hour))), emit)
}

func (a *administration) doAt(operation string, actor detectors.Actor, from netip.Addr, at detectors.Time, emit func(*call)) {
	for _, c := range acts(a.on, operation, "", actor, from, at) {
		c.campaign, c.serial = -1, a.r.Uint64()
		emit(&c)
	}
}

// Operations of the control plane that matter most.
const (
	actListKeys     = "microsoft.cognitiveservices/accounts/listkeys/action"
	actWriteAccount = "microsoft.cognitiveservices/accounts/write"
	actDeploy       = "microsoft.cognitiveservices/accounts/deployments/write"
	actAssignRole   = "microsoft.authorization/roleassignments/write"
	actWritePolicy  = "microsoft.cognitiveservices/accounts/raipolicies/write"
	actCutLogs      = "microsoft.insights/diagnosticsettings/delete"
	actWriteLogs    = "microsoft.insights/diagnosticsettings/write"
)

// acts are the rows of an act on a resource: one of the activity log and, where keys are listed, one of the account's Audit.
func acts(on *resource, operation, child string, actor detectors.Actor, from netip.Addr, at detectors.Time) []call {
	who := &identity{on: on, Principal: detectors.Principal{Kind: detectors.ResourcePrincipal, ID: on.id, Resource: on.id}}
	rows := []call{{who: who, addr: from, act: &detectors.Act{Time: at, Operation: operation, Target: on.id + child, Succeeded: true, Actor: actor}}}
	if operation == actListKeys {
		rows = append(rows, call{who: who, audit: true, act: &detectors.Act{Time: at + detectors.Second, Operation: operation, Target: on.id, Succeeded: true, Actor: detectors.Actor{ObjectID: actor.ObjectID}}})
	}
	return rows
}
