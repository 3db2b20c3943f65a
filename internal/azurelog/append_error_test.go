package azurelog

import (
	"strings"
	"testing"

	"github.com/keywarden/keywarden/detectors"
)

func TestAppendRefuses(t *testing.T) {
	logged := at("00:00:00")
	for want, f := range map[string]Fragment{
		"category 7 is not known": {Category: categories, Logged: logged},
		"is not plausible":        {},
		"have an Act":             {Category: Audit, Logged: logged},
		"only Audit":              {Category: GatewayLogs, Logged: logged, Act: &detectors.Act{}},
	} {
		if _, err := Append(nil, &f, Style{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
