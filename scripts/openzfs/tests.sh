#!/usr/bin/env bash
# The tests that want a real OpenZFS, for `vm.sh IMAGE tests.sh`: the packages
# that touch storages and hosts, as root inside the machine; then the whole of
# PlanB, of which the storage worker runs in there as an ordinary user.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
status=0

git ls-files -z | tar --create --null --files-from=- --ignore-failed-read |
	ssh -F "$PLANB_VM" vm 'mkdir -p /var/tmp/planb && tar -x -C /var/tmp/planb' || exit
# PostgreSQL is not in there: files of tests that keep something in it say so.
inside() { # inside FLAGS AND PACKAGES...
	go test -count=1 -tags openzfs,nopostgres -ldflags '-s -w' -p 1 -timeout 10m -exec "$PWD/scripts/openzfs/in-vm.sh" "$@" || status=1
}
inside ./internal/zfs ./internal/rsync ./internal/dataplane ./internal/index ./internal/tree
inside ./activities
# Where another release's rsync talks to the forced commands. What these refuse
# is a shell's work alone, which takes an emulated processor minutes.
inside -run 'SenderAllowsEveryPull|SenderAnswersAsTheScript|ReceiverAllowsRestores' ./internal/sshx
go test -count=1 -tags openzfs -timeout 20m ./e2e/openzfs || status=1
exit "$status"
