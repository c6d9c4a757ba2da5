#!/usr/bin/env bash
# Builds a small Debian with OpenZFS, of the machine's own release and from its
# own mirror, for vm.sh to boot. It takes about ten minutes, most of which is
# the compiling of the kernel module. For image.sh, which keeps the result.
#
#	build-image.sh DIR		makes DIR/root.img, vmlinuz, initrd, id_ed25519, known_hosts
#
# It runs as root in mount and process namespaces of its own, so that nothing
# stays mounted however it ends.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
dir=$(cd "$1" && pwd)
root=$dir/root
umask 022
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

# shellcheck disable=SC1091 # it is the system's
release=$(. /etc/os-release && echo "${VERSION_CODENAME-}")
# "http://mirror/debian/ bookworm-updates", a line for each suite with updates.
# shellcheck disable=SC2016 # for apt
suites=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 'Component: main' |
	awk -v r="$release" '$2 == r || $2 == r "-updates" || $2 == r "-security"' | sort -u)
mirror=$(awk -v r="$release" '$2 == r {print $1; exit}' <<<"$suites")
if [ -z "$mirror" ]; then
	echo "apt on this machine has no Debian suite \"$release\", of which the image is made" >&2
	exit 1
fi
# Where apt has one, debootstrap and what it installs need it, too.
http_proxy=${http_proxy-}
eval "$(apt-config shell http_proxy Acquire::http::Proxy)"
[ -z "$http_proxy" ] || export http_proxy

debootstrap --variant=minbase --include=\
openssh-server,rsync,sudo,acl,attr,libcap2-bin,zstd,iproute2,kmod,procps,ca-certificates \
	"$release" "$root" "$mirror"
# shellcheck disable=SC2001 # each of several lines
sed 's/.*/deb & main contrib/' <<<"$suites" >"$root/etc/apt/sources.list"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
mount -t proc proc "$root/proc"
inside() { chroot "$root" "$@" </dev/null; }
packages() { inside apt-get -q -y --no-install-recommends -o Dpkg::Use-Pty=0 install "$@"; }
inside apt-get -q update
# The kernel first: the module is made for the kernels that are there.
packages linux-image-cloud-amd64 linux-headers-cloud-amd64 dkms build-essential
packages zfs-dkms zfsutils-linux
kernel=$(ls "$root/lib/modules")
if [ -z "$(find "$root/lib/modules/$kernel" -name 'zfs.ko*')" ]; then
	tail -n 50 "$root"/var/lib/dkms/zfs/*/build/make.log >&2 || true
	echo "the module of OpenZFS was not made for kernel $kernel" >&2
	exit 1
fi
umount "$root/proc"

cp "$here/guest-init" "$root/sbin/guest-init"
chmod 755 "$root/sbin/guest-init"
ssh-keygen -q -t ed25519 -N '' -C planb-openzfs -f "$dir/id_ed25519"
install -d -m 700 "$root/root/.ssh"
install -m 600 "$dir/id_ed25519.pub" "$root/root/.ssh/authorized_keys"
# Only what is pinned is trusted, and one master serves all connections. The
# default key exchange takes a second on an emulated processor.
printf 'vm %s\n' "$(cut -d' ' -f1,2 "$root/etc/ssh/ssh_host_ed25519_key.pub")" >"$dir/known_hosts"
printf '127.0.0.1 localhost openzfs\n' >"$root/etc/hosts"
printf 'MaxSessions 100\nKexAlgorithms curve25519-sha256\n' >"$root/etc/ssh/sshd_config.d/planb.conf"

cp "$root/boot/vmlinuz-$kernel" "$dir/vmlinuz"
cp "$root/boot/initrd.img-$kernel" "$dir/initrd"
# What only the building needed. Nobody installs a package in there again.
(cd "$root" && rm -rf boot usr/src usr/lib/gcc var/lib/dkms var/cache/apt var/lib/apt/lists usr/share/{doc,man,locale})
# Sparse: what is free in there is for the pools of the tests. No journal: what
# the machine writes is lost with it anyway.
mke2fs -q -t ext4 -O ^has_journal -d "$root" "$dir/root.img" 12G
rm -rf "$root"
