#!/usr/bin/env bash
# Runs a test program inside the virtual machine of vm.sh, in its package's
# directory there, where tests.sh put the sources:
#
#	go test -exec scripts/openzfs/in-vm.sh ./...
set -euo pipefail
top=$(git rev-parse --show-toplevel)
program=$1
shift
there=/var/tmp/$(basename "$program").$$
scp -q -F "$PLANB_VM" "$program" "vm:$there"
args=$(printf ' %q' "$@")
# Not exec: the status of a program that a signal ended has to be a failure too.
ssh -F "$PLANB_VM" vm "cd /var/tmp/planb/${PWD#"$top"/} && TMPDIR=/var/tmp $there$args"
