// Package logs is how a process behind the Functions host logs: one line of
// JSON a record, on standard output what is information and on standard error
// what is an error, since the host takes the level from the stream and from
// nothing else. No secret gets through ([Redact]).
package logs

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"regexp"
)

const (
	longest    = 4 << 10 // bytes of one text that are logged
	longestKey = 128     // bytes of a key in base64
)

// New returns a logger that writes records below slog.LevelError to out and
// the others to err.
func New(out, err io.Writer) *slog.Logger {
	options := &slog.HandlerOptions{ReplaceAttr: replace}
	return slog.New(&streams{
		out: slog.NewJSONHandler(out, options),
		err: slog.NewJSONHandler(errorStream{err}, options),
	})
}

// streams is a slog.Handler that chooses between two by the level.
type streams struct{ out, err slog.Handler }

func (s *streams) of(level slog.Level) slog.Handler {
	if level >= slog.LevelError {
		return s.err
	}
	return s.out
}

// Enabled implements slog.Handler.
func (s *streams) Enabled(ctx context.Context, level slog.Level) bool {
	return s.of(level).Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (s *streams) Handle(ctx context.Context, record slog.Record) error {
	return s.of(record.Level).Handle(ctx, record)
}

// WithAttrs implements slog.Handler.
func (s *streams) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &streams{s.out.WithAttrs(attrs), s.err.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (s *streams) WithGroup(name string) slog.Handler {
	return &streams{s.out.WithGroup(name), s.err.WithGroup(name)}
}

// errorStream writes the lines of errors. The host makes a mere warning of a
// line with "warn" in it, in any case: such a w is escaped, which says the
// same in JSON.
type errorStream struct{ io.Writer }

var warn = regexp.MustCompile(`(?i)warn`)

func (e errorStream) Write(line []byte) (int, error) {
	escaped := warn.ReplaceAllFunc(line, func(word []byte) []byte {
		return fmt.Appendf(nil, `\u%04x%s`, word[0], word[1:])
	})
	if _, err := e.Writer.Write(escaped); err != nil {
		return 0, err
	}
	return len(line), nil
}

// replace redacts and bounds every text.
func replace(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(text(a.Value.String()))
	case slog.KindAny:
		switch v := a.Value.Any().(type) {
		case *slog.Source, slog.Level:
		case error:
			a.Value = slog.StringValue(text(v.Error()))
		default:
			a.Value = slog.StringValue(text(fmt.Sprint(v)))
		}
	}
	return a
}

// text redacts a text, and cuts a long one off. Where it is cut through a key,
// that is not recognised any more: so its end is left out.
func text(s string) string {
	if len(s) <= longest {
		return Redact(s)
	}
	s = Redact(s[:longest])
	return s[:max(0, len(s)-longestKey)] + "…"
}

// secrets are what a secret looks like, and what of it may be shown.
var secrets = []struct {
	like *regexp.Regexp
	show string
}{
	{regexp.MustCompile(`(?i)\b(SharedAccessKey|AccountKey|SharedAccessSignature|InstrumentationKey|client_secret|clientSecret|password|pwd|sig|x-functions-key|api-key|Ocp-Apim-Subscription-Key)(["']?\s*[=:]\s*["']?)[^\s;&"',]+`), "${1}${2}***"},
	{regexp.MustCompile(`(?i)([?&]code=)[^\s&"']+`), "$1***"}, // a function key in an address
	{regexp.MustCompile(`(?i)\b(Bearer|Basic)\s+[\w.~+/=-]{8,}`), "$1 ***"},
	{regexp.MustCompile(`\beyJ[\w-]{8,}(\.[\w-]*)*`), "***"},                                       // tokens, and principals in base64
	{regexp.MustCompile(`(?i)(https://[\w.-]*webhook\.office\.com)/[^\s"']*[^\s"':,.]`), "$1/***"}, // an incoming webhook of Teams
	{regexp.MustCompile(`[A-Za-z0-9+/]{42,}={1,2}`), "***"},                                        // a key in base64
}

// Redact returns a text without the secrets in it: keys and signatures of
// connection strings and addresses, tokens, webhooks, and what looks like a
// key in base64.
func Redact(s string) string {
	for _, secret := range secrets {
		s = secret.like.ReplaceAllString(s, secret.show)
	}
	return s
}

// Standard returns a writer for programs that log plain lines: each becomes an error of log.
func Standard(log *slog.Logger) io.Writer { return standard{log} }

type standard struct{ log *slog.Logger }

func (s standard) Write(line []byte) (int, error) {
	s.log.Error(string(bytes.TrimSpace(line)))
	return len(line), nil
}
