package invocation

import (
	"context"
	"net/http"
	"strings"
	"testing"
)

func TestFromHost(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*http.Request)
		ok     bool
	}{
		"as_captured":          {func(*http.Request) {}, true},
		"newer_host":           {func(r *http.Request) { r.Header.Set("User-Agent", "Azure-Functions-Host/4.1044.400.0") }, true},
		"application_insights": {func(r *http.Request) { r.Header.Set("traceparent", "00-1-1-01"); r.Header.Set("Request-Id", "|1.") }, true},
		"get":                  {func(r *http.Request) { r.Method = http.MethodGet }, false},
		"query":                {func(r *http.Request) { r.URL.RawQuery = "code=x" }, false},
		"no_id":                {func(r *http.Request) { r.Header.Del(headerInvocation) }, false},
		"two_ids":              {func(r *http.Request) { r.Header.Add(headerInvocation, "1") }, false},
		"long_id":              {func(r *http.Request) { r.Header.Set(headerInvocation, strings.Repeat("1", 65)) }, false},
		"id_with_newline":      {func(r *http.Request) { r.Header.Set(headerInvocation, "1\n2") }, false},
		"other_agent":          {func(r *http.Request) { r.Header.Set("User-Agent", "curl/8") }, false},
		"form":                 {func(r *http.Request) { r.Header.Set("Content-Type", "application/x-www-form-urlencoded") }, false},
		"proxied":              {func(r *http.Request) { r.Header.Set("x-ms-invocation-id", "1") }, false},
		"forwarded_for":        {func(r *http.Request) { r.Header.Set("X-FORWARDED-FOR", "") }, false},
		"forwarded_proto":      {func(r *http.Request) { r.Header.Set("x-forwarded-proto", "https") }, false},
		"forwarded":            {func(r *http.Request) { r.Header.Set("Forwarded", "for=1.2.3.4") }, false},
		"function_key":         {func(r *http.Request) { r.Header.Set("x-functions-key", "k") }, false},
		"principal":            {func(r *http.Request) { r.Header.Set("X-MS-CLIENT-PRINCIPAL", "e30=") }, false},
		"front_end":            {func(r *http.Request) { r.Header.Set("CLIENT-IP", "1.2.3.4:5") }, false},
		"browser":              {func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := invocation(t, "2")
			test.change(r)
			if err := FromHost(r); (err == nil) != test.ok {
				t.Errorf("%v, want it taken: %v", err, test.ok)
			}
		})
	}
}

func TestWithTrace_leaves_out_what_is_malformed(t *testing.T) {
	const good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for name, test := range map[string]struct {
		parents []string
		want    string
	}{
		"good":          {[]string{good}, good},
		"none":          {nil, ""},
		"two":           {[]string{good, good}, ""},
		"short":         {[]string{"00-0af7-b7ad-01"}, ""},
		"upper_case":    {[]string{strings.ToUpper(good)}, ""},
		"other_version": {[]string{"ff" + good[2:]}, ""},
		"zero_trace":    {[]string{"00-" + strings.Repeat("0", 32) + good[35:]}, ""},
		"zero_parent":   {[]string{good[:36] + strings.Repeat("0", 16) + "-01"}, ""},
		"hostile":       {[]string{"00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333\n-01"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := &http.Request{Header: http.Header{"Traceparent": test.parents, "X-Azure-Functions-Invocationid": {"not an id"}}}
			if got := TraceOf(WithTrace(t.Context(), r)); got != (Trace{TraceParent: test.want}) {
				t.Errorf("%+v, want %q", got, test.want)
			}
		})
	}
	if got := TraceOf(context.Background()); got != (Trace{}) {
		t.Errorf("without a request: %+v", got)
	}
}
