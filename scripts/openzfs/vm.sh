#!/usr/bin/env bash
# Boots a virtual machine from an image of image.sh, runs a command, and ends
# the machine with it, whatever becomes of the command. What the machine writes
# is lost: the image stays as it is, and several machines can use it at once.
#
#	vm.sh IMAGE COMMAND...
#
# The command finds in PLANB_VM the path of an ssh_config: `ssh -F "$PLANB_VM" vm`
# is root in the machine. From in there the outer machine's loopback is 10.0.2.2.
set -euo pipefail
image=$1
shift

run=$(mktemp -d "${TMPDIR:-/tmp}/planb-vm.XXXXXX")
console=$run/console.log
qemu='' command=''
finish() {
	status=$?
	trap - EXIT
	trap '' INT TERM
	[ -z "$command" ] || kill -TERM "$command" 2>/dev/null || true
	if [ -n "$qemu" ]; then
		if [ "$status" -ne 0 ] || ! kill -0 "$qemu" 2>/dev/null; then
			echo "the virtual machine said last:" >&2
			tail -n 30 "$console" >&2 || true
		fi
		kill -KILL "$qemu" 2>/dev/null || true
		wait "$qemu" 2>/dev/null || true
	fi
	rm -rf "$run"
	exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# boot starts the machine with its sshd at a port of this one; it goes when this
# program does, killed or not.
boot() { # boot PORT
	TMPDIR=$run setpriv --pdeathsig KILL qemu-system-x86_64 -accel tcg,thread=multi -smp 2 -m 3072 \
		-nodefaults -no-user-config -display none -no-reboot -serial "file:$console" \
		-kernel "$image/vmlinuz" -initrd "$image/initrd" \
		-append 'console=ttyS0 quiet panic=-1 mitigations=off net.ifnames=0 root=/dev/vda rw init=/sbin/guest-init' \
		-drive "file=$image/root.img,if=virtio,format=raw,snapshot=on,cache=unsafe" \
		-netdev "user,id=net,hostfwd=tcp:127.0.0.1:$1-:22" -device virtio-net-pci,netdev=net,romfile= \
		-device virtio-rng-pci </dev/null >"$run/qemu.log" 2>&1 &
	qemu=$!
}

booted() { grep -q '^ready: ' "$console" 2>/dev/null; }

# A port that is taken ends qemu at once; then it is another one's turn.
for _ in 1 2 3 4 5; do
	port=$((20000 + RANDOM % 12000))
	boot "$port"
	deadline=$((SECONDS + 300))
	until booted || ! kill -0 "$qemu" 2>/dev/null || [ "$SECONDS" -gt "$deadline" ]; do sleep 0.5; done
	grep -q 'host forwarding rule' "$run/qemu.log" || break
done
if ! booted || ! kill -0 "$qemu" 2>/dev/null; then
	cat "$run/qemu.log" >&2
	echo "the virtual machine did not boot" >&2
	exit 1
fi
grep '^ready: ' "$console" >&2

cat >"$run/ssh_config" <<END
Host vm
	HostName 127.0.0.1
	Port $port
	User root
	IdentityFile $image/id_ed25519
	IdentitiesOnly yes
	HostKeyAlias vm
	UserKnownHostsFile $image/known_hosts
	StrictHostKeyChecking yes
	BatchMode yes
	ConnectTimeout 60
	ControlMaster auto
	ControlPath $run/ssh
	ControlPersist yes
	LogLevel ERROR
END
export PLANB_VM=$run/ssh_config
ssh -F "$PLANB_VM" vm true
# In the background, since bash hears no signal while it waits in any other way.
"$@" <&0 &
command=$!
wait "$command"
