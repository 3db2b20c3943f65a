# Puts the section "In short" of docs/evaluation.md, the first file, between the
# marks of README.md, the second.
NR == FNR {
	if (/^## /) short = /^## In short$/
	else if (short) table = table $0 "\n"
	next
}
/^<!-- evaluation: / { print; printf "%s", table; within = 1; next }
/^<!-- \/evaluation -->/ { within = 0 }
!within
