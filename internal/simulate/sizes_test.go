package simulate

import (
	"encoding/csv"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/keywarden/keywarden/detectors"
)

// TestSizes_are_those_of_the_traces compares drawn sizes with the traces that
// they were fitted to, where a copy of these lies beside the project.
func TestSizes_are_those_of_the_traces(t *testing.T) {
	for name, fit := range map[string][2]logNormal{
		"conv": {chatPrompt, chatAnswer},
		"code": {codePrompt, codeAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			file, err := os.Open(filepath.Join("..", "..", "..", "shared", "data", "azure-llm-traces", "AzureLLMInferenceTrace_"+name+".csv"))
			if errors.Is(err, fs.ErrNotExist) {
				t.Skip("no copy of the traces here")
			} else if err != nil {
				t.Fatal(err)
			}
			defer file.Close() //nolint:errcheck // it was only read
			rows, err := csv.NewReader(file).ReadAll()
			if err != nil || len(rows) < 1000 {
				t.Fatalf("%d rows: %v", len(rows), err)
			}
			for column, fitted := range fit {
				mean, deviation := moments(t, rows[1:], column+1)
				if math.Abs(mean-fitted.mu) > .001 || math.Abs(deviation-fitted.sigma) > .001 {
					t.Errorf("column %d: log-normal of %.3f and %.3f, want %.3f and %.3f", column+1, fitted.mu, fitted.sigma, mean, deviation)
				}
			}
		})
	}
}

// moments are mean and standard deviation of the logarithm of a column.
func moments(t *testing.T, rows [][]string, column int) (mean, deviation float64) {
	t.Helper()
	var sum, squares float64
	for _, row := range rows {
		n, err := strconv.ParseFloat(row[column], 64)
		if err != nil {
			t.Fatal(err)
		}
		x := math.Log(max(n, 1))
		sum, squares = sum+x, squares+x*x
	}
	mean = sum / float64(len(rows))
	return mean, math.Sqrt(squares/float64(len(rows)) - mean*mean)
}

func TestLogNormal(t *testing.T) {
	r := stream(1, "log-normal")
	draws := make([]int64, 20001)
	for i := range draws {
		if draws[i] = chatPrompt.draw(r); draws[i] < 1 || draws[i] > int64(chatPrompt.most) {
			t.Fatalf("drawn %d, want 1 to %v", draws[i], chatPrompt.most)
		}
	}
	slices.Sort(draws)
	if median, want := float64(draws[len(draws)/2]), math.Exp(chatPrompt.mu); math.Abs(median/want-1) > .05 {
		t.Errorf("median %v, want %.0f", median, want)
	}
}

func TestPoisson(t *testing.T) {
	r := stream(1, "poisson")
	for _, mean := range []float64{0, .3, 4, 29, 31, 400} {
		const n = 20000
		var sum, squares float64
		for range n {
			x := float64(poisson(r, mean))
			sum, squares = sum+x, squares+x*x
		}
		got := sum / n
		variance := squares/n - got*got
		if tolerance := 4*math.Sqrt(mean/n) + 1e-9; math.Abs(got-mean) > tolerance || math.Abs(variance-mean) > .1*mean+tolerance {
			t.Errorf("mean %v: got %.3f with variance %.3f", mean, got, variance)
		}
	}
}

func TestPareto(t *testing.T) {
	r := stream(1, "pareto")
	sum, most := 0, 0
	for range 100000 {
		n := pareto(r, 12)
		sum, most = sum+n, max(most, n)
	}
	if mean := float64(sum) / 100000; mean < 9 || mean > 13 || most < 200 || most > 480 {
		t.Errorf("mean %.1f and at most %d, want about 11 with a long tail up to 480", mean, most)
	}
}

func TestWork_call(t *testing.T) {
	r := stream(1, "work")
	for _, w := range []work{chat("gpt-4o", .5), coding("gpt-5"), report("gpt-4o"), responses("gpt-4.1"), embedding("text-embedding-3-small"), image("dall-e-3"), transcription(), listing("Models_List")} {
		for range 200 {
			c := w.call(r)
			consumes := w.class == detectors.ClassChat || w.class == detectors.ClassEmbedding
			if c.Tokens.Known != consumes || c.Tokens.Cached > c.Tokens.Prompt || c.RequestBytes < 0 || c.ResponseBytes <= 0 || c.DurationMs <= 0 || c.DurationMs > int64(time.Hour/time.Millisecond) {
				t.Fatalf("%s: %+v", w.operation, c.Call)
			}
			if (c.Images == 1) != (w.class == detectors.ClassImage) {
				t.Fatalf("%s: %d images", w.operation, c.Images)
			}
			if c.fail(r, 429); c.Tokens.Known || !c.Failed() {
				t.Fatalf("%s: refused, and yet %+v", w.operation, c.Call)
			}
		}
	}
}
