# Reads a Go cover profile and fails where less than floor per cent of an
# area's statements ran. An area is a folder; a block that several tests
# covered counts once.
#
#   awk -f .ci/coverage.awk -v floor=90 -v areas=detectors,internal/azurelog coverage.out

BEGIN { folders = split(areas, area, ",") }

FNR > 1 {
	for (i = 1; i <= folders; i++) {
		if (index($1, "/keywarden/" area[i] "/") == 0) continue
		if (!($1 in statements)) {
			statements[$1] = $2
			total[i] += $2
		}
		if ($3 > 0 && !($1 in ran)) {
			ran[$1] = 1
			covered[i] += $2
		}
	}
}

END {
	for (i = 1; i <= folders; i++) {
		if (total[i] == 0) {
			printf "coverage: no statements of %s in %s\n", area[i], FILENAME
			failed = 1
			continue
		}
		share = 100 * covered[i] / total[i]
		printf "coverage: %s %.1f %% of %d statements\n", area[i], share, total[i]
		if (share < floor) {
			printf "coverage: %s is below %d %%: go tool cover -html=%s shows what no test runs\n", area[i], floor, FILENAME
			failed = 1
		}
	}
	exit failed
}
