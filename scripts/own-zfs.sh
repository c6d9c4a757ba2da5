#!/bin/sh
# Runs a program, such as the tests of one package, with a ZFS of its own where
# the machine has only zfs-fuse: a daemon, its socket and its mounts that no
# other program sees, and that end with the program. One daemon for several
# test programs is one that any of them can bring to a halt: at each unmount it
# syncs the whole machine and answers nobody meanwhile.
#
#	go test -exec scripts/own-zfs.sh ./...
set -eu

PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
if [ -e /dev/zfs ] || [ "$(id -u)" -ne 0 ] || ! command -v zfs-fuse >/dev/null; then
	exec "$@"
fi
# shellcheck disable=SC2016 # for the inner shell
exec unshare --mount --pid --fork --kill-child --mount-proc --propagation private sh -euc '
	# Copies of the mounts of others would keep their pools busy.
	awk "\$3 == \"fuse.zfs\" {print \$2}" /proc/mounts | sort -r | while read -r dir; do umount -l "$dir"; done
	mkdir -p /var/lib/zfs
	mount -t tmpfs none /run
	mount -t tmpfs none /var/lib/zfs
	mkdir -p /run/zfs /run/lock/zfs /run/sshd
	zfs-fuse --no-daemon --no-kstat-mount </dev/null >/dev/null 2>&1 &
	tries=100
	until zpool list >/dev/null 2>&1; do
		tries=$((tries - 1))
		[ "$tries" -gt 0 ] || { echo "own-zfs: zfs-fuse was started but does not answer" >&2; exit 1; }
		sleep 0.1
	done
	"$@"' sh "$@"
