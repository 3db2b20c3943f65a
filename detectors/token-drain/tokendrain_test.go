package tokendrain

import (
	"testing"

	"github.com/keywarden/keywarden/detectors"
	"github.com/keywarden/keywarden/detectors/detectortest"
)

func TestDetector(t *testing.T) {
	detectortest.Accept(t, Detector,
		detectortest.Scenario{Name: "prompts_of_a_quarter_million_tokens", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Fires(6, func() { s.Call(sized(detectortest.At(14, 3, 0), detectortest.Rented(0), 270_000)) })
		}},
		detectortest.Scenario{Name: "their_tokens_come_later", Below: 3, Play: func(s *detectortest.Script) {
			for hour := range 14 * 24 {
				s.Usage(detectors.Usage{Time: detectortest.At(0, hour, 0), Class: detectors.ClassChat, Tokens: detectors.Tokens{Prompt: 900, Known: true}, From: detectortest.Office})
				c := detectortest.Chat(detectortest.At(0, hour, 0), detectortest.Office)
				c.RequestBytes = -1
				s.Call(c)
			}
			s.Fires(6, func() {
				s.Usage(detectors.Usage{Time: detectortest.At(14, 3, 0), Class: detectors.ClassChat, Tokens: detectors.Tokens{Prompt: 270_000, Known: true}, From: detectortest.Rented(0)})
			})
		}},
		detectortest.Scenario{Name: "somebody_pastes_a_book", Below: 13, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			s.Call(sized(detectortest.At(14, 10, 0), detectortest.Office, 90_000))
		}},
		detectortest.Scenario{Name: "reports_over_long_documents", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 1, 10, detectortest.Office)
			for day := range 14 {
				s.Call(sized(detectortest.At(day, 20, 0), detectortest.Office, 100_000+int64(day%5)*9_000))
			}
		}},
		detectortest.Scenario{Name: "large_and_refused", Below: 3, Play: func(s *detectortest.Script) {
			s.Working(0, 14, 10, detectortest.Office)
			c := sized(detectortest.At(14, 3, 0), detectortest.Rented(0), 270_000)
			c.Status = 400
			s.Call(c)
		}},
	)
}

func sized(t detectors.Time, from detectors.Network, tokens int64) detectors.Call {
	c := detectortest.Chat(t, from)
	c.RequestBytes, c.Tokens.Prompt = tokens*42/10, tokens
	return c
}
