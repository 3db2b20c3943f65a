// Package apiversion judges api-versions, which begin with the day on which
// they were published: "2024-10-21", "2023-09-01-preview".
package apiversion

import (
	"strings"
	"time"

	"github.com/keywarden/keywarden/detectors"
)

// staleAfter is how old a preview must be to be one of long ago. Stable
// versions are in use for years.
const staleAfter = 900 * 24 * time.Hour

// halfYear is how much older than the newest in use a version must be to be put back.
const halfYear = 180 * 24 * time.Hour

// Stale reports whether the version of a call is a preview of long ago.
func Stale(call *detectors.Call) bool {
	day, ok := dated(call.Client.APIVersion)
	return ok && strings.HasSuffix(call.Client.APIVersion, "-preview") && call.Time.UTC().Sub(day) > staleAfter
}

// Older reports whether the version of a call is from half a year before the
// newest that the principal has used for a day: programs are seldom put back.
func Older(before *detectors.Profile, call *detectors.Call) bool {
	day, ok := dated(call.Client.APIVersion)
	if !ok {
		return false
	}
	for _, c := range before.Clients.All() {
		if known, ok := dated(c.Key.APIVersion); ok && known.Sub(day) >= halfYear && before.Clients.Known(c.Key, call.Time, detectors.Day) {
			return true
		}
	}
	return false
}

// dated is the day with which a version begins; ok is false where it begins with none.
func dated(version string) (day time.Time, ok bool) {
	if len(version) < len(time.DateOnly) {
		return time.Time{}, false
	}
	day, err := time.Parse(time.DateOnly, version[:len(time.DateOnly)])
	return day, err == nil
}
