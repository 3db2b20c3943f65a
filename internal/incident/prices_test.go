package incident

import (
	"math"
	"strings"
	"testing"

	"github.com/keywarden/keywarden/detectors"
)

func TestCost(t *testing.T) {
	million := detectors.Tokens{Prompt: 1e6, Completion: 1e6, Known: true}
	tests := []struct {
		name   string
		class  detectors.Class
		model  string
		tokens detectors.Tokens
		images int
		usd    float64
		known  bool
	}{
		{"chat", detectors.ClassChat, "gpt-4o", million, 0, 12.5, true},
		{"dated_version", detectors.ClassChat, "gpt-4o-2024-11-20", million, 0, 12.5, true},
		{"version_of_its_own_price", detectors.ClassChat, "gpt-4o-2024-05-13", million, 0, 20, true},
		{"longest_name", detectors.ClassChat, "gpt-4o-mini-2024-07-18", million, 0, 0.75, true},
		{"fine_tuned", detectors.ClassChat, "gpt-4.1-nano-2025-04-14.ft-0f1e2d", million, 0, 0.5, true},
		{"upper_case", detectors.ClassChat, "GPT-35-Turbo", million, 0, 2, true},
		{"cached_tokens_once", detectors.ClassChat, "gpt-4o", detectors.Tokens{Prompt: 1e6, Cached: 1e6, Known: true}, 0, 1.25, true},
		{"cached_tokens_in_part", detectors.ClassChat, "gpt-5", detectors.Tokens{Prompt: 1e6, Cached: 4e5, Known: true}, 0, 0.8, true},
		{"cached_without_a_price", detectors.ClassChat, "gpt-4-32k", detectors.Tokens{Prompt: 1e6, Cached: 1e6, Known: true}, 0, 60, true},
		{"more_cached_than_prompt", detectors.ClassChat, "gpt-4o", detectors.Tokens{Prompt: 1e6, Cached: 9e6, Known: true}, 0, 1.25, true},
		{"negative", detectors.ClassChat, "gpt-4o", detectors.Tokens{Prompt: -5, Cached: -7, Completion: -1, Known: true}, 0, 0, true},
		{"embedding", detectors.ClassEmbedding, "text-embedding-3-large", detectors.Tokens{Prompt: 1e6, Known: true}, 0, 0.13, true},
		{"images", detectors.ClassImage, "dall-e-3", detectors.Tokens{}, 25, 1, true},
		{"tokens_of_images_cost_nothing", detectors.ClassImage, "gpt-image-1", million, 1, 0.042, true},
		{"usage_of_images", detectors.ClassImage, "gpt-image-1", million, 0, 0, false},
		{"images_of_a_chat_model", detectors.ClassImage, "gpt-4o", million, 2, 0, false},
		{"listing", detectors.ClassListing, "", detectors.Tokens{}, 0, 0, true},
		{"housekeeping", detectors.ClassManagement, "", detectors.Tokens{}, 0, 0, true},
		{"unknown_tokens", detectors.ClassChat, "gpt-4o", detectors.Tokens{}, 0, 0, false},
		{"unknown_model", detectors.ClassChat, "gpt-9", million, 0, 0, false},
		{"another_model_of_like_name", detectors.ClassChat, "gpt-4.9", million, 0, 0, false},
		{"no_model", detectors.ClassUnknown, "", million, 0, 0, false},
		{"billed_by_the_minute", detectors.ClassAudio, "whisper", million, 0, 0, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			usd, known := ListPrices().Cost(test.class, test.model, test.tokens, test.images)
			if known != test.known || known && math.Abs(usd-test.usd) > 1e-9 {
				t.Errorf("%v, %v; want %v, %v", usd, known, test.usd, test.known)
			}
		})
	}
}

func TestListPrices(t *testing.T) {
	rows := ListPrices().rows
	if len(rows) < 50 {
		t.Fatalf("only %d models", len(rows))
	}
	if !strings.Contains(listPrices, "list prices") || !strings.Contains(listPrices, "as of 20") {
		t.Error("the table does not say what it is and of when")
	}
	for model, p := range rows {
		if p.cached > p.prompt {
			t.Errorf("%s: cached tokens cost more than others", model)
		}
		if p.prompt > p.completion && !strings.HasPrefix(model, "text-embedding-") {
			t.Errorf("%s: a prompt costs more than a completion", model)
		}
	}
}

func TestLoadPrices(t *testing.T) {
	const header = "model,prompt,cached,completion,image\n"
	million := detectors.Tokens{Prompt: 1e6, Known: true}
	t.Run("in_place_and_beside", func(t *testing.T) {
		p, err := LoadPrices(strings.NewReader("# ours\n" + header + "GPT-4o, 2.00,, 8,\nour-model,1,,1,\n"))
		if err != nil {
			t.Fatal(err)
		}
		for model, want := range map[string]float64{"gpt-4o": 2, "our-model": 1, "gpt-4.1": 2} {
			if usd, known := p.Cost(detectors.ClassChat, model, million, 0); usd != want || !known {
				t.Errorf("%s: %v, %v; want %v", model, usd, known, want)
			}
		}
		if usd, _ := ListPrices().Cost(detectors.ClassChat, "gpt-4o", million, 0); usd != 2.5 {
			t.Errorf("the embedded table was changed: %v", usd)
		}
	})
	for name, test := range map[string]struct{ text, want string }{
		"empty":        {"", "first line must be"},
		"no_header":    {"gpt-4o,1,1,1,1\n", "first line must be"},
		"not_a_number": {header + "gpt-4o,much,,,\n", `line 2: prompt "much"`},
		"negative":     {header + "\n# a comment\ngpt-4o,1,,-2,\n", `line 4: completion "-2"`},
		"infinite":     {header + "gpt-4o,,,,Inf\n", `line 2: image "Inf"`},
		"nan":          {header + "gpt-4o,,NaN,,\n", `line 2: cached "NaN"`},
		"twice":        {header + "gpt-4o,1,,1,\nGPT-4o,1,,1,\n", `line 3: model "gpt-4o"`},
		"no_model":     {header + ",1,,1,\n", "line 2: model"},
		"short_row":    {header + "gpt-4o,1\n", "line 2"},
		"bare_quote":   {header + "gpt\"4o,1,,1,\n", "line 2"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := LoadPrices(strings.NewReader(test.text)); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}
