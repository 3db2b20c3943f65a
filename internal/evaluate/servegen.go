package evaluate

import (
	"bufio"
	"compress/gzip"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/keywarden/keywarden/internal/simulate"
)

// serveGenFile is what a ServeGen folder holds: a line for each client, with
// its model, its number, the second of its first window, and the calls of every
// ten minutes, run-length coded as COUNT or COUNTxREPEAT.
const serveGenFile = "requests_per_600s.tsv.gz"

// thinned is how many calls a day a client keeps at most, on average over its
// days: the busiest have 80 million a day. The shape of its rhythm stays; a
// campaign stands out more than in the client's whole traffic.
const thinned = 2000

// ServeGen is the rhythms of real clients of a cloud's language models (ServeGen,
// Alibaba, Apache-2.0), those for tuning apart from those for reporting.
type ServeGen struct{ Tuning, Reporting []simulate.Rhythm }

// ReadServeGen reads a ServeGen folder. Clients that were logged for less than
// the given days are left out; the others go to tuning and reporting in turn.
func ReadServeGen(dir string, days int) (*ServeGen, error) {
	path := filepath.Join(dir, serveGenFile)
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s: no %s in this folder: it is the one that the requests of ServeGen's clients are kept in", dir, serveGenFile)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close() //nolint:errcheck // it was only read
	in, err := gzip.NewReader(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	var all ServeGen
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 16<<20)
	for n, clients := 1, 0; lines.Scan(); n++ {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		counts, err := readCounts(lines.Text())
		if err != nil {
			return nil, fmt.Errorf("%s: line %d: %w", path, n, err)
		}
		if len(counts) < days*windowsPerDay {
			continue
		}
		rhythm := thin(counts, rand.New(rand.NewPCG(uint64(n), 0x5e4e)))
		if clients++; clients%2 == 0 {
			all.Tuning = append(all.Tuning, rhythm)
		} else {
			all.Reporting = append(all.Reporting, rhythm)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if len(all.Tuning) == 0 {
		return nil, fmt.Errorf("%s: %d clients of %d days and more: too few to tell tuning from reporting", path, len(all.Reporting), days)
	}
	return &all, nil
}

// windowsPerDay is how many windows a day has.
const windowsPerDay = 24 * 6

// mostWindows is more than any client has: a file may not ask for more.
const mostWindows = 400 * windowsPerDay

// readCounts reads the counts of one line.
func readCounts(line string) ([]int, error) {
	fields := strings.Split(line, "\t")
	if len(fields) != 4 {
		return nil, fmt.Errorf("%d columns in place of model, client, first second and counts", len(fields))
	}
	first, err := strconv.Atoi(fields[2])
	if err != nil || first < 0 || first/600 > mostWindows {
		return nil, fmt.Errorf("the first second %q is none", fields[2])
	}
	counts := make([]int, first/600)
	for run := range strings.FieldsSeq(fields[3]) {
		value, times, repeated := strings.Cut(run, "x")
		n, repeat := 0, 1
		if n, err = strconv.Atoi(value); err == nil && repeated {
			repeat, err = strconv.Atoi(times)
		}
		if err != nil || n < 0 || repeat < 1 || len(counts)+repeat > mostWindows {
			return nil, fmt.Errorf("%q is no count", run)
		}
		counts = append(counts, slices.Repeat([]int{n}, repeat)...)
	}
	return counts, nil
}

// thin keeps a part of the calls at random, so that thinned a day are left at most.
func thin(counts []int, r *rand.Rand) simulate.Rhythm {
	sum := 0.0
	for _, n := range counts {
		sum += float64(n)
	}
	share := thinned / (sum / float64(len(counts)) * windowsPerDay)
	if !(share < 1) {
		return counts
	}
	kept := make(simulate.Rhythm, len(counts))
	for i, n := range counts {
		// Of many calls a Poisson number stays; it has the mean of the binomial one and hardly more spread.
		mean := float64(n) * share
		if mean > 30 {
			kept[i] = max(0, int(math.Round(mean+math.Sqrt(mean)*r.NormFloat64())))
			continue
		}
		for at := r.ExpFloat64(); at < mean && kept[i] < n; at += r.ExpFloat64() {
			kept[i]++
		}
	}
	return kept
}

// services are the archetypes that real rhythms go with: programs that ask
// language models. People and studios would call as no person does.
var services = []string{"backend", "office-app", "ci-runners", "saas-users", "nightly-batch", "growing", "migrator", "load-tested", "entra-team"}

// absent are the kinds of campaign that have no victim among services, or live
// by the hours of their victim's archetype, which real rhythms replace.
var absent = []string{"dormant", "flattening", "insider", "elsewhere", "jailbreak"}

// Over is the suite on the rhythms of real clients: each is a principal.
func (s Suite) Over(rhythms []simulate.Rhythm) Suite {
	s.Seed += 500_000
	s.Rhythms, s.Principals, s.Trials = rhythms, len(rhythms), max(1, s.Trials/2)
	s.Kinds = slices.DeleteFunc(simulate.Kinds(), func(kind string) bool { return slices.Contains(absent, kind) })
	s.Mix = map[string]float64{}
	for _, archetype := range simulate.Archetypes() {
		if !slices.Contains(services, archetype) {
			s.Mix[archetype] = 0
		}
	}
	return s
}
