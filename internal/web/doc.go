// Package web is the analysts' API over HTTP: what was found, and whether the
// system is in order.
//
//	GET /api/incidents        incidents by query, in pages       incidents.go, query.go
//	GET /api/incidents/{id}   one, with its evidence and an ETag  incidents.go
//	GET /api/coverage         what is watched, and what is not    coverage.go
//	GET /api/healthz          200 in order, 503 not               coverage.go
//
// The routes are in routes.go. HEAD is answered wherever GET is. Every answer
// is complete before its first byte is sent, is never to be stored by anybody
// on the way, and is never a redirect: a path with a slash too many is not found.
//
// # Who may ask
//
// [Config.Authorize] says who a request is from. Without the role [Reader]
// nothing is told but the one word of healthz.
//
// # Errors
//
// An error is problem+json (RFC 9457) with a code, which is promised to stay;
// errors.go has all codes with their statuses. What a client cannot help is
// "internal" outside, and in full in the log. No answer and no line of the log
// has a header, or the query of an address.
package web
