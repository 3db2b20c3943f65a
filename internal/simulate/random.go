package simulate

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/rand/v2"
)

// stream is the random stream called name. Streams of different names are
// independent of each other and of how much is drawn from any of them.
func stream(seed uint64, name string) *rand.Rand {
	return rand.New(rand.NewPCG(seed, hash(name)))
}

// hash is FNV-1a of text, mixed so that similar texts differ in every bit.
func hash(text string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(text))
	return mix(h.Sum64())
}

// mix is the finaliser of splitmix64: a permutation in which every bit of x moves about half of the bits.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// fraction makes a number in [0, 1) of a hash.
func fraction(h uint64) float64 { return float64(h>>11) / (1 << 53) }

// chance reports true with probability p.
func chance(r *rand.Rand, p float64) bool { return r.Float64() < p }

// pick is one of items.
func pick[T any](r *rand.Rand, items []T) T { return items[r.IntN(len(items))] }

// between is uniform in [low, high).
func between(r *rand.Rand, low, high float64) float64 { return low + float64((high-low)*r.Float64()) }

// poisson draws a number of independent events of which mean are expected.
func poisson(r *rand.Rand, mean float64) int {
	if mean > 30 { // normal approximation: its error is far below what the callers' over-dispersion adds
		return max(0, int(math.Round(mean+float64(math.Sqrt(mean)*r.NormFloat64()))))
	}
	n := 0
	for at := r.ExpFloat64(); at < mean; at += r.ExpFloat64() {
		n++
	}
	return n
}

// pareto draws a session's length: heavy-tailed (shape 1.5) of about the given mean, at least 1, at most 40 times the mean.
func pareto(r *rand.Rand, mean float64) int {
	u := 1 - r.Float64()
	n := float64(mean/3) / math.Cbrt(u*u)
	return max(1, int(math.Round(min(n, 40*mean))))
}

// logNormal is a distribution of sizes.
type logNormal struct {
	mu, sigma float64 // of the natural logarithm
	most      float64 // larger draws are cut to it
}

func (d logNormal) draw(r *rand.Rand) int64 {
	x := math.Exp(d.mu + float64(d.sigma*r.NormFloat64()))
	return int64(math.Round(max(1, min(x, d.most))))
}

// spread is a factor around 1 (its median) with the given sigma of its logarithm.
func spread(r *rand.Rand, sigma float64) float64 { return math.Exp(sigma * r.NormFloat64()) }

// guid draws the 16 bytes of a version-4 GUID.
func guid(r *rand.Rand) (id [16]byte) {
	binary.BigEndian.PutUint64(id[:8], r.Uint64())
	binary.BigEndian.PutUint64(id[8:], r.Uint64())
	id[6] = id[6]&0x0f | 0x40
	id[8] = id[8]&0x3f | 0x80
	return id
}
