package store

import (
	"encoding/json"
	"slices"
	"strings"
)

// minRU is the least throughput of a database or container.
const minRU = 400

// Throughput is what a database or container is provisioned with: manual or, where AutoscaleMax is not 0, autoscaled.
type Throughput struct {
	Manual       int             `json:"manual,omitempty"`       // RU/s
	AutoscaleMax int             `json:"autoscaleMax,omitempty"` // RU/s
	Upgrade      json.RawMessage `json:"upgrade,omitempty"`      // the autoscale settings' autoUpgradePolicy, as given
}

func (t *Throughput) most() int { return max(t.Manual, t.AutoscaleMax) }

// Check says why the service would not accept it, nil if it would.
func (t *Throughput) Check() error {
	switch {
	case t.AutoscaleMax != 0 && (t.AutoscaleMax < 1000 || t.AutoscaleMax%1000 != 0):
		return Refuse(400, 0, "Autoscale throughput %d is not allowed: multiples of 1000, at least 1000.", t.AutoscaleMax)
	case t.AutoscaleMax == 0 && (t.Manual < minRU || t.Manual%100 != 0):
		return Refuse(400, 0, "Throughput %d is not allowed: multiples of 100, at least %d.", t.Manual, minRU)
	case t.most() > 1_000_000:
		return Refuse(400, 0, "Throughput %d is not allowed: at most 1000000.", t.most())
	}
	return nil
}

// Offer is the throughput of one database or container as a resource of its own.
type Offer struct {
	RID        string     `json:"rid"`    // of the offer
	Target     string     `json:"target"` // the resource id of the database or container
	Self       string     `json:"self"`   // the target's path by resource ids
	ETag       string     `json:"etag"`
	TS         int64      `json:"ts"`
	Throughput Throughput `json:"throughput"`
}

// JSON is the offer as the service shows it.
func (o *Offer) JSON() []byte {
	content := map[string]any{}
	if o.Throughput.AutoscaleMax != 0 {
		settings := map[string]any{"maxThroughput": o.Throughput.AutoscaleMax}
		if o.Throughput.Upgrade != nil {
			settings["autoUpgradePolicy"] = o.Throughput.Upgrade
		}
		content["offerAutopilotSettings"] = settings
		content["offerThroughput"] = max(o.Throughput.AutoscaleMax/10, minRU)
	} else {
		content["offerThroughput"] = o.Throughput.Manual
	}
	text, err := json.Marshal(map[string]any{
		"id": o.RID, "_rid": o.RID, "_self": "offers/" + o.RID + "/", "_etag": o.ETag, "_ts": o.TS,
		"resource": o.Self, "offerResourceId": o.Target, "offerType": "Invalid", "offerVersion": "V2", "content": content,
	})
	if err != nil {
		panic(err) // Upgrade was read from JSON
	}
	return text
}

// createOffer gives a new database or container its offer; the lock is held.
func (s *Store) createOffer(target, self string, throughput *Throughput) error {
	if throughput == nil {
		return nil
	}
	s.nextRID++
	return s.setOffer(&Offer{RID: offerRID(s.nextRID), Target: target, Self: self, Throughput: *throughput})
}

// offerRID is short and, other than those of databases, lower case, as clients sign it in lower case.
func offerRID(n uint32) string {
	b := []byte("aaaa")
	for i := len(b) - 1; i >= 0; i-- {
		b[i], n = offerDigits[n%32], n/32
	}
	return string(b)
}

const offerDigits = "abcdefghijklmnopqrstuvwxyz234567"

// offerNumber takes offerRID back.
func offerNumber(rid string) (n uint32) {
	for i := range len(rid) {
		n = n*32 + uint32(max(strings.IndexByte(offerDigits, rid[i]), 0))
	}
	return n
}

func (s *Store) setOffer(o *Offer) error {
	o.ETag, o.TS = s.newETag(), s.clock().Unix()
	if err := s.record(&record{Offer: o}); err != nil {
		return err
	}
	s.offers[o.Target] = o
	return nil
}

// Offers are all offers by resource id.
func (s *Store) Offers() []*Offer {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := make([]*Offer, 0, len(s.offers))
	for _, o := range s.offers {
		all = append(all, o)
	}
	slices.SortFunc(all, func(a, b *Offer) int { return strings.Compare(a.RID, b.RID) })
	return all
}

// Offer is the offer of that resource id, or a Refusal.
func (s *Store) Offer(rid string) (*Offer, error) {
	for _, o := range s.Offers() {
		if o.RID == rid {
			return o, nil
		}
	}
	return nil, notFound()
}

// ReplaceOffer changes the throughput. The number of physical partitions stays: this store does not split them.
func (s *Store) ReplaceOffer(rid string, throughput Throughput, ifMatch string) (*Offer, error) {
	if err := throughput.Check(); err != nil {
		return nil, err
	}
	old, err := s.Offer(rid)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.offers[old.Target] != old {
		return nil, Refuse(449, 0, "Retry the request: the offer is being changed.")
	}
	if !matches(ifMatch, old.ETag) {
		return nil, preconditionFailed()
	}
	changed := *old
	changed.Throughput = throughput
	return &changed, s.setOffer(&changed)
}
