package logs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"strings"
	"testing"
)

func TestNew_chooses_the_stream_by_level(t *testing.T) {
	var out, err bytes.Buffer
	log := New(&out, &err).With("function", "usage").WithGroup("g")
	log.Info("one", "k", 1)
	log.Warn("two")
	log.Error("three\nlines", "error", errors.Join(errors.New("a"), errors.New("b")))
	log.Debug("left out")
	for name, test := range map[string]struct {
		got   string
		lines int
		says  string
	}{
		"out": {out.String(), 2, `"msg":"two"`},
		"err": {err.String(), 1, `"msg":"three\nlines","function":"usage","g":{"error":"a\nb"}`},
	} {
		if n := strings.Count(test.got, "\n"); n != test.lines || !strings.Contains(test.got, test.says) {
			t.Errorf("%s: %d lines, want %d with %s:\n%s", name, n, test.lines, test.says, test.got)
		}
	}
}

func TestErrors_stay_errors_to_the_host(t *testing.T) {
	var err bytes.Buffer
	New(&err, &err).Error("WARNING: forewarned", "warn", "Warn")
	if strings.Contains(strings.ToLower(err.String()), "warn") {
		t.Errorf("the host makes a warning of %s", err.String())
	}
	var line map[string]any
	if e := json.Unmarshal(err.Bytes(), &line); e != nil || line["msg"] != "WARNING: forewarned" || line["warn"] != "Warn" {
		t.Errorf("the line says %v (%v)", line, e)
	}
}

const (
	hubKey    = "Endpoint=sb://ns.servicebus.windows.net/;SharedAccessKeyName=listen;SharedAccessKey=s3cr3tS3cr3tS3cr3tS3cr3tS3cr3tS3cr3tS3cr3tS3=;EntityPath=d"
	storeKey  = "AccountEndpoint=https://a.documents.azure.com:443/;AccountKey=C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw==;"
	signature = "https://x.logic.azure.com/workflows/1/triggers/manual/paths/invoke?api-version=1&sp=%2F&sv=1.0&sig=s3cr3tSignature_-x"
	token     = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJhdWQiOiJzM2NyM3QifQ.c2lnbmF0dXJl_s3cr3t"
)

func TestRedact(t *testing.T) {
	for name, test := range map[string]struct{ text, keeps string }{
		"hub":           {"dial " + hubKey + ": refused", "SharedAccessKeyName=listen"},
		"store":         {storeKey, "a.documents.azure.com"},
		"signature":     {"POST " + signature, "x.logic.azure.com"},
		"sas_token":     {"SharedAccessSignature sr=sb%3a%2f%2fns&sig=s3cr3t%2bx%3d&se=1&skn=listen", "skn=listen"},
		"bearer":        {"Authorization: Bearer " + token, "Authorization"},
		"opaque_bearer": {"bearer s3cr3t.s3cr3t", "earer ***"},
		"bare_token":    {"got " + token + " back", "got *** back"},
		"principal":     {"X-MS-CLIENT-PRINCIPAL: eyJhdXRoX3R5cCI6ICJzM2NyM3QifQ==", "PRINCIPAL"},
		"query_code":    {"GET /api/x?a=1&code=s3cr3t&b=2", "b=2"},
		"header":        {`{"x-functions-key": "s3cr3t", "a": 1}`, `"a": 1`},
		"teams":         {"post https://contoso.webhook.office.com/webhookb2/s3cr3t@x/IncomingWebhook/y/z: 429", ": 429"},
		"bare_key":      {"key C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw== refused", "refused"},
		"client_secret": {"client_secret=s3cr3t~x, tenant 5", "tenant 5"},
	} {
		t.Run(name, func(t *testing.T) {
			got := Redact(test.text)
			for _, secret := range []string{"s3cr3t", "C2y6yDjf5", "eyJ"} {
				if strings.Contains(got, secret) {
					t.Errorf("%q is shown in %q", secret, got)
				}
			}
			if !strings.Contains(got, test.keeps) {
				t.Errorf("%q lacks %q", got, test.keeps)
			}
		})
	}
}

func TestRedact_keeps_what_is_no_secret(t *testing.T) {
	for _, s := range []string{
		"", "no Data in it", "status code 429: slow down", `{"code":"TooManyRequests","code2":1}`,
		"/subscriptions/0b1c2d3e-0000-1111-2222-333344445555/resourcegroups/rg/providers/microsoft.cognitiveservices/accounts/a",
		"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
		"handlers: the port that the host gave in FUNCTIONS_CUSTOMHANDLER_PORT: listen tcp 127.0.0.1:80: bind: permission denied",
	} {
		if got := Redact(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}

func TestLog_shows_no_secret_whichever_way_it_comes(t *testing.T) {
	var out bytes.Buffer
	l := New(&out, &out)
	l.Error("cannot dial "+hubKey, "error", fmt.Errorf("dial: %w", errors.New(hubKey)), "text", storeKey, "any", struct{ URL string }{signature}, "bytes", []byte(token))
	l.WithGroup("g").With("early", hubKey).Info("x")
	log.New(Standard(l), "", 0).Print("http: panic serving: " + token)
	for _, secret := range []string{"s3cr3t", "C2y6yDjf5", "s3cr3tSignature", "eyJ"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("%q is shown in %s", secret, out.String())
		}
	}
	if n := strings.Count(out.String(), "\n"); n != 3 {
		t.Errorf("%d lines, want 3:\n%s", n, out.String())
	}
}

func TestLog_bounds_a_text(t *testing.T) {
	var out bytes.Buffer
	l := New(&out, &out)
	for cut := 0; cut < 100; cut += 7 { // through the key, somewhere
		l.Error("x", "error", errors.New(strings.Repeat(".", longest-cut)+storeKey[len("AccountEndpoint=https://a.documents.azure.com:443/;AccountKey="):]+strings.Repeat("stack ", 1<<10)))
	}
	if out.Len() > 15*(longest+500) || strings.Contains(out.String(), "C2y6") {
		t.Errorf("%d bytes, the end of the last: %s", out.Len(), out.String()[out.Len()-200:])
	}
}
