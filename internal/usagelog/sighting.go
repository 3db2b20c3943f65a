package usagelog

import (
	"math"
	"net/netip"

	"github.com/keywarden/keywarden/detectors"
)

// AppendSightings appends a message of sightings.
func AppendSightings(dst []byte, all []detectors.Sighting) []byte {
	w := Writer{b: dst, strings: map[string]uint64{}}
	w.head(Sightings, Source{}, 0)
	for i := range all {
		w.sighting(&all[i])
	}
	return w.b
}

func (w *Writer) sighting(s *detectors.Sighting) {
	w.int(int64(s.Time - w.logged))
	w.logged = s.Time
	w.uint(uint64(s.Principal.Kind))
	w.string(s.Principal.ID)
	w.string(s.Principal.Resource)
	w.string(s.Detector)
	w.uint(uint64(s.Family))
	w.uint(math.Float64bits(s.Bits))
	w.uint(uint64(s.Client.Stream))
	w.string(s.Client.APIVersion)
	w.string(s.Client.UserAgent)
	n := &s.From
	w.prefix(n.Prefix)
	w.string(n.Country.String())
	weak := uint64(0)
	if n.Weak {
		weak = 1
	}
	w.uint(weak)
	w.uint(uint64(n.ASN))
	w.string(n.Organization)
	w.uint(uint64(n.Kind))
}

func (r *Reader) sighting(last detectors.Time) (s detectors.Sighting) {
	s.Time = last + detectors.Time(r.int())
	s.Principal.Kind = detectors.PrincipalKind(r.enum(uint64(detectors.Operator) + 1))
	s.Principal.ID, s.Principal.Resource, s.Detector = r.string(), r.string(), r.string()
	s.Family = detectors.Family(r.enum(uint64(detectors.Families)))
	s.Bits = math.Float64frombits(r.uint())
	s.Client.Stream = detectors.Stream(r.enum(uint64(detectors.NonStreaming) + 1))
	s.Client.APIVersion, s.Client.UserAgent = r.string(), r.string()
	n := &s.From
	n.Prefix = r.prefix()
	switch country := r.string(); len(country) {
	case 0:
	case len(n.Country):
		copy(n.Country[:], country)
	default:
		r.fail()
	}
	n.Weak = r.enum(2) == 1
	n.ASN = uint32(r.enum(1 << 32))
	n.Organization = r.string()
	n.Kind = detectors.NetworkKind(r.enum(uint64(detectors.Tor) + 1))
	if !(s.Bits >= 0 && s.Bits <= math.MaxFloat64) || s.Time <= 0 || !n.Known() {
		r.fail()
	}
	return s
}

// AppendPremises appends a message of stays of premises.
func AppendPremises(dst []byte, all []detectors.Stay) []byte {
	w := Writer{b: dst}
	w.head(Premises, Source{}, 0)
	for i := range all {
		s := &all[i]
		w.prefix(s.Network)
		w.uint(uint64(s.Since / detectors.Hour))
		w.uint(uint64((s.Until - s.Since) / detectors.Hour))
	}
	return w.b
}

func (r *Reader) stay() (s detectors.Stay) {
	s.Network = r.prefix()
	s.Since = detectors.Time(r.enum(1<<32)) * detectors.Hour
	s.Until = s.Since + detectors.Time(r.enum(1<<32))*detectors.Hour
	if !s.Network.IsValid() || s.Until == s.Since {
		r.fail()
	}
	return s
}

// prefix writes how many bits a network has, and the bytes of its address; 0 for none.
func (w *Writer) prefix(network netip.Prefix) {
	w.b = append(w.b, byte(network.Bits()+1))
	if network.IsValid() {
		address := network.Addr().AsSlice()
		w.b = append(append(w.b, byte(len(address))), address...)
	}
}

func (r *Reader) prefix() netip.Prefix {
	bits := int(r.byte()) - 1
	if bits < 0 {
		return netip.Prefix{}
	}
	address, ok := netip.AddrFromSlice(r.take(int(r.byte())))
	prefix, err := address.Prefix(bits)
	if !ok || err != nil {
		r.fail()
	}
	return prefix
}
