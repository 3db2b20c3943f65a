package azurelog

import "github.com/keywarden/keywarden/detectors"

// actsAtOnce is how many Acts are allocated together.
const actsAtOnce = 64

// newAct is an Act in memory of its own.
func (d *Decoder) newAct() *detectors.Act {
	if len(d.acts) == 0 {
		d.acts = make([]detectors.Act, actsAtOnce)
	}
	act := &d.acts[0]
	d.acts = d.acts[1:]
	return act
}

// auditOperations are what an account's Audit calls the acts of the activity log.
var auditOperations = map[string]string{
	"ListKey":        "microsoft.cognitiveservices/accounts/listkeys/action",
	"ListKeys":       "microsoft.cognitiveservices/accounts/listkeys/action",
	"RegenerateKey":  "microsoft.cognitiveservices/accounts/regeneratekey/action",
	"RegenerateKeys": "microsoft.cognitiveservices/accounts/regeneratekey/action",
}

// fillAudit reads an account's Audit record: whoever is named listed its keys.
func (d *Decoder) fillAudit(f *Fragment, target string) {
	name := d.text(fOperation)
	operation, ok := auditOperations[string(name)]
	if !ok {
		operation = d.names.of(d.folded(name))
		d.counts.UnknownOperations.add(operation, 1)
	}
	f.Act = d.newAct()
	*f.Act = detectors.Act{
		Time: f.Logged, Operation: operation, Target: target,
		Succeeded: status(d.text(fSignature)) < 400,
		Actor:     detectors.Actor{ObjectID: d.identity(fObject)},
	}
	if f.Act.Actor.ObjectID == "" {
		f.Act.Actor.ObjectID = d.identity(fCallerObject)
	}
	f.Address, f.Bits = parseAddress(d.text(fCaller))
}

// outcomeText is what an activity log's record says of how the act went.
func (d *Decoder) outcomeText() []byte {
	if text := d.text(fResultType); len(text) > 0 {
		return text
	}
	return d.text(fSignature)
}

// terminal reports whether an activity log's record says how the act ended.
func (d *Decoder) terminal() bool {
	text := d.outcomeText()
	return foldPrefix(text, "succe") || foldPrefix(text, "fail") || status(text) != 0
}

// fillAct reads a record of the activity log.
func (d *Decoder) fillAct(f *Fragment, target string) {
	text := d.outcomeText()
	code := status(text)
	f.Act = d.newAct()
	*f.Act = detectors.Act{
		Time: f.Logged, Operation: d.names.of(d.folded(d.text(fOperation))), Target: target,
		Succeeded: foldPrefix(text, "succe") || code > 0 && code < 400,
		Actor: detectors.Actor{
			ObjectID: d.identity(fClaimObject),
			Name:     d.name(fClaimUPN),
			AppID:    d.identity(fClaimApp),
		},
	}
	if f.Act.Actor.Name == "" {
		f.Act.Actor.Name = d.name(fClaimName)
	}
	if f.Act.Actor.ObjectID == "" {
		f.Act.Actor.ObjectID = d.identity(fPrincipal)
	}
	if f.Address, f.Bits = parseAddress(d.text(fCaller)); f.Bits == 0 {
		f.Address, f.Bits = parseAddress(d.text(fClaimAddress))
	}
}
