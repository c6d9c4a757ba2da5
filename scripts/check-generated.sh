#!/bin/sh
# Fails when the Go code made from the templates is not what they say now; it
# is brought up to date by the way.
set -eu

sums() { find . -name '*_templ.go' -not -path './bin/*' -not -path './var/*' -exec sha256sum {} + | sort; }

before=$(sums)
bin/templ generate -log-level warn
after=$(sums)
if [ "$before" != "$after" ]; then
	echo "generated code was out of date; it is up to date now: commit it:" >&2
	printf '%s\n%s\n' "$before" "$after" | sort | uniq -u | awk '{print "  " $2}' | sort -u >&2
	exit 1
fi
