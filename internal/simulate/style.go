package simulate

import "github.com/keywarden/keywarden/internal/azurelog"

// modern reports whether the resource with that hash logs as since 2026.
func modern(resource uint64) bool { return resource&1 == 1 }

// styleOf is how the resource of f writes its rows: each has its own ways,
// and one duration in a hundred is negative.
func styleOf(f *azurelog.Fragment) azurelog.Style {
	h := hash(f.Resource)
	return azurelog.Style{
		Object:           h&2 != 0,
		CallerObjectID:   modern(h),
		DurationString:   h&12 == 0,
		DurationNegative: f.Category == azurelog.RequestResponse && mix(uint64(f.Correlation[1])<<8|uint64(f.Correlation[2]))%100 == 0,
		Masked:           h&48 == 0,
	}
}
