#!/bin/sh
# Installs what PlanB drives and its tests need, on Debian and its kin: only
# what is missing, never asking, and without starting any system service.
set -eu

PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
say() { printf '%s\n' "$*"; }
have() { command -v "$1" >/dev/null 2>&1; }

sudo=
if [ "$(id -u)" -ne 0 ]; then
	sudo=sudo
fi

missing=
need() { # need PROGRAM PACKAGE
	have "$1" || missing="$missing $2"
}
need rsync rsync
need ssh openssh-client
need sshd openssh-server
need sudo sudo
need git git
need unshare util-linux
need setfacl acl
need setfattr attr
# What watches PlanB; Debian's zabbix_get comes with the proxy.
need prometheus prometheus
need promtool prometheus
need zabbix_agentd zabbix-agent
need zabbix_get zabbix-proxy-sqlite3
# What the pages are looked at with.
need chromium chromium
# Any server version will do; Debian keeps it out of PATH.
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || have initdb || missing="$missing postgresql"
# OpenZFS where it is there; else the one that needs no kernel module.
have zpool || missing="$missing zfs-fuse"
# For the virtual machine with OpenZFS, when its name is given.
if [ "${1-}" = openzfs ]; then
	need debootstrap debootstrap
	need qemu-system-x86_64 qemu-system-x86
	need mke2fs e2fsprogs
	need setpriv util-linux
fi

if [ -z "$missing" ]; then
	exit 0
fi
if ! have apt-get; then
	say "missing:$missing. Install these with this system's own package manager, then try again." >&2
	exit 1
fi
if [ -n "$sudo" ] && ! have sudo; then
	say "missing:$missing. Run this once as root: apt-get install$missing" >&2
	exit 1
fi
say "installing$missing"

# PlanB starts its own servers; Debian's must not start because of this.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
	trap '$sudo rm -f "$policy"' EXIT
	printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" >/dev/null
	$sudo chmod 755 "$policy"
fi
# No cluster of the system's either: it would only take room and a port.
if [ ! -e /etc/postgresql-common/createcluster.conf ]; then
	$sudo mkdir -p /etc/postgresql-common
	printf 'create_main_cluster = false\n' | $sudo tee /etc/postgresql-common/createcluster.conf >/dev/null
fi

apt() {
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq -o Dpkg::Use-Pty=0 \
		-o Dpkg::Options::=--force-confold -o DPkg::Lock::Timeout=300 "$@" </dev/null
}
apt update
# shellcheck disable=SC2086 # a list of words
apt install -y --no-install-recommends $missing >/dev/null
say "installed$missing"
