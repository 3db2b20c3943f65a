package incident

import (
	_ "embed"
	"strings"
)

//go:embed countries.tsv
var countries string

// countryName is the usual English name of an ISO 3166-1 alpha-2 code, or the
// code where there is none: "" of "".
func countryName(code string) string {
	_, rest, found := strings.Cut(countries, "\n"+code+"\t")
	if !found {
		return code
	}
	name, _, _ := strings.Cut(rest, "\n")
	return name
}
