package incident

import (
	_ "embed"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"strconv"
	"strings"
	"sync"

	"github.com/keywarden/keywarden/detectors"
)

//go:embed prices.csv
var listPrices string

// Prices says what calls cost, by model. The embedded table is Azure OpenAI's
// public list, dated in prices.csv: an estimate of a loss, not an invoice.
type Prices struct {
	rows map[string]price
}

// price of a model, in USD; none where a figure is missing.
type price struct {
	prompt, cached, completion float64 // per million tokens
	image                      float64 // per image
}

const none = -1

// ListPrices is the embedded table.
var ListPrices = sync.OnceValue(func() *Prices {
	rows, err := readPrices(strings.NewReader(listPrices))
	if err != nil {
		panic("embedded prices.csv: " + err.Error())
	}
	return &Prices{rows}
})

// LoadPrices is the embedded table with the rows of r in place of its own and
// beside them. r is a CSV with the embedded table's header: model, prompt,
// cached, completion (USD per million tokens) and image (USD per image); empty
// where there is no such price; lines that begin with # are comments.
func LoadPrices(r io.Reader) (*Prices, error) {
	own, err := readPrices(r)
	if err != nil {
		return nil, err
	}
	rows := maps.Clone(ListPrices().rows)
	maps.Copy(rows, own)
	return &Prices{rows}, nil
}

// Cost is what one call costs in USD, and whether that is known. Cached tokens
// are a part of the prompt and cost the cached price, or the prompt's where
// there is none; images cost by the piece and their tokens nothing; listing
// and housekeeping cost nothing. A model goes by the longest name in the table
// that is its own name or a beginning of it before a "-", without regard to case.
func (p *Prices) Cost(class detectors.Class, model string, t detectors.Tokens, images int) (usd float64, known bool) {
	switch class {
	case detectors.ClassListing, detectors.ClassManagement:
		return 0, true
	case detectors.ClassImage:
		row := p.find(model)
		return float64(images) * row.image, images > 0 && row.image != none
	}
	row := p.find(model)
	if !t.Known || row.prompt == none {
		return 0, false
	}
	prompt, completion := max(t.Prompt, 0), max(t.Completion, 0)
	cached := min(max(t.Cached, 0), prompt)
	usd = float64(prompt-cached)*row.prompt + float64(cached)*row.cached + float64(completion)*row.completion
	return usd / 1e6, true
}

func (p *Prices) find(model string) price {
	model = strings.ToLower(model)
	for {
		if row, ok := p.rows[model]; ok {
			return row
		}
		end := strings.LastIndexByte(model, '-')
		if end < 0 {
			return price{none, none, none, none}
		}
		model = model[:end]
	}
}

var priceHeader = []string{"model", "prompt", "cached", "completion", "image"}

func readPrices(r io.Reader) (map[string]price, error) {
	lines := csv.NewReader(r)
	lines.Comment = '#'
	lines.FieldsPerRecord = len(priceHeader)
	lines.TrimLeadingSpace = true
	header, err := lines.Read()
	if errors.Is(err, io.EOF) || err == nil && strings.Join(header, ",") != strings.Join(priceHeader, ",") {
		return nil, fmt.Errorf("prices: the first line must be %q", strings.Join(priceHeader, ","))
	}
	rows := map[string]price{}
	for err == nil {
		var fields []string
		if fields, err = lines.Read(); err != nil {
			break
		}
		line, _ := lines.FieldPos(0)
		model := strings.ToLower(fields[0])
		if _, twice := rows[model]; twice || model == "" {
			return nil, fmt.Errorf("prices: line %d: model %q is empty or there twice: keep one row per model", line, model)
		}
		if rows[model], err = readPrice(fields[1:]); err != nil {
			return nil, fmt.Errorf("prices: line %d: %w", line, err)
		}
	}
	if !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("prices: %w", err)
	}
	return rows, nil
}

func readPrice(fields []string) (price, error) {
	var figures [4]float64
	for i, field := range fields {
		figures[i] = none
		if field == "" {
			continue
		}
		usd, err := strconv.ParseFloat(field, 64)
		if err != nil || !(usd >= 0 && usd <= 1e6) {
			return price{}, fmt.Errorf("%s %q is not a price: write USD such as 2.50, or leave it empty", priceHeader[i+1], field)
		}
		figures[i] = usd
	}
	p := price{figures[0], figures[1], figures[2], figures[3]}
	if p.cached == none {
		p.cached = p.prompt
	}
	if p.completion == none {
		p.completion = 0
	}
	return p, nil
}
