package invocation

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// anonymous is the identity of a request that nobody signed in for.
const anonymous = `[{"AuthenticationType":null,"IsAuthenticated":false,"Actor":null,"BootstrapContext":null,"Claims":[],"Label":null,"Name":null,` +
	`"NameClaimType":"http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name","RoleClaimType":"http://schemas.microsoft.com/ws/2008/06/identity/claims/role"}]`

// Request is the content of an invocation of an HTTP function without an http
// output: the request as JSON. params are those of the route; header holds
// what the client sent, Host and Connection too.
func Request(name string, r *http.Request, header http.Header, params map[string]string, body []byte) Content {
	query := map[string]string{}
	order := queryOrder(r.URL.RawQuery)
	values := r.URL.Query()
	for _, key := range order {
		query[key] = strings.Join(values[key], ",")
	}
	joined := map[string]string{}
	for key, value := range header {
		joined[key] = strings.Join(value, ",")
	}
	if params == nil {
		params = map[string]string{}
	}
	var req object
	req.set("Url", encode("http://"+r.Host+r.URL.RequestURI()))
	req.set("Method", encode(r.Method))
	req.set("Query", encode(query))
	req.set("Headers", encode(header))
	req.set("Params", encode(params))
	req.set("Identities", anonymous)
	if len(body) > 0 {
		req.set("Body", encode(text(body)))
	}
	var c Content
	c.data.set(name, req.String())
	for _, key := range order {
		c.metadata.set(key, inString(query[key]))
	}
	for key, value := range params {
		c.metadata.set(key, inString(value))
	}
	if json.Valid(body) {
		c.metadata.merge(body)
	}
	c.metadata.set("Query", encode(query))
	c.metadata.set("Headers", encode(joined))
	return c
}

// queryOrder is the names of a query in the order of their first mention.
func queryOrder(raw string) []string {
	var names []string
	seen := map[string]bool{}
	for pair := range strings.SplitSeq(raw, "&") {
		name, _, _ := strings.Cut(pair, "=")
		if name, err := url.QueryUnescape(name); err == nil && name != "" && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}
