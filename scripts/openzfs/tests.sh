#!/usr/bin/env bash
# The tests that want a real OpenZFS, for `vm.sh IMAGE tests.sh`: the packages
# that touch storages and hosts, as root inside the machine; then the whole of
# PlanB, of which the storage worker runs in there as an ordinary user.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit
status=0

git ls-files -z | tar --create --null --files-from=- --ignore-failed-read |
	ssh -F "$PLANB_VM" vm 'mkdir -p /var/tmp/planb && tar -x -C /var/tmp/planb' || exit
go test -count=1 -tags openzfs -ldflags '-s -w' -p 1 -timeout 20m -exec "$PWD/scripts/openzfs/in-vm.sh" \
	./internal/zfs ./internal/rsync ./internal/sshx ./internal/dataplane ./internal/index \
	./internal/tree ./activities || status=1
go test -count=1 -tags openzfs -timeout 20m ./e2e/openzfs || status=1
exit "$status"
