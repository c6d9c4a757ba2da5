#!/usr/bin/env bash
# Prints the directory of an image with OpenZFS that vm.sh can boot, and builds
# it first where it is not there. Images are kept in a cache, under a name made
# of what they are built by; one that was not finished has another name.
#
# The cache is $PLANB_CACHE, or planb in the user's cache directory.
set -euo pipefail
cd "$(dirname "$0")"
cache=${PLANB_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/planb}
mkdir -p "$cache"
sum=$(cat build-image.sh guest-init /etc/os-release | sha256sum)
image=$cache/openzfs-${sum:0:16}
log=$cache/openzfs-build.log

exec 9>"$cache/openzfs.lock"
flock 9
if [ ! -d "$image" ]; then
	echo "building a virtual machine with OpenZFS, once: about ten minutes, see $log" >&2
	rm -rf "$cache"/openzfs-*.partial
	mkdir -m 700 "$image.partial"
	trap 'rm -rf "$image.partial"' EXIT
	if ! setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --mount-proc --propagation private \
		./build-image.sh "$image.partial" >"$log" 2>&1 </dev/null 9>&-; then
		tail -n 40 "$log" >&2
		echo "the virtual machine with OpenZFS could not be built; all of it: $log" >&2
		exit 1
	fi
	mv "$image.partial" "$image"
fi
touch "$image"
# Images of other versions, once nobody has used them for two weeks.
find "$cache" -maxdepth 1 -type d -name 'openzfs-*' -mtime +14 -exec rm -rf {} +
echo "$image"
