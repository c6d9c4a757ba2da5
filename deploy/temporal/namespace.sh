#!/bin/sh
# Makes PlanB's namespace with its search attributes, unless they are there.
# TEMPORAL_ADDRESS says where the server is.
set -eu

namespace=${TEMPORAL_NAMESPACE:-planb}

tries=60
until temporal operator cluster health >/dev/null 2>&1; do
	tries=$((tries - 1))
	if [ "$tries" -eq 0 ]; then
		echo "Temporal does not answer at ${TEMPORAL_ADDRESS:-localhost:7233}" >&2
		exit 1
	fi
	sleep 2
done

temporal operator namespace describe -n "$namespace" >/dev/null 2>&1 ||
	temporal operator namespace create -n "$namespace" --retention 2160h --description "Backups: one workflow per run"
for name in PlanbHost PlanbGroup PlanbState; do
	# Adding one that is there changes nothing.
	temporal operator search-attribute create -n "$namespace" --name "$name" --type Keyword
done
