# shellcheck shell=bash
# Makes the virtual machine a storage server and, with its sshd, the host that
# is backed up: as docs/storage.md and docs/hosts.md say. $1 is planb.yaml.
# The numbers that deploy/sudoers has, so that the file is tried as it is.
groupadd --system --gid 998 planb
useradd --system --uid 998 --gid 998 --home-dir /var/lib/planb --create-home planb
chmod 440 /etc/sudoers.d/planb
printf 'Defaults logfile=%s, loglinelen=0\n' /var/log/sudo.log >/etc/sudoers.d/log
chmod 440 /etc/sudoers.d/log
visudo -cq

truncate -s 3G /var/tmp/tank.img
zpool create -m /tank tank /var/tmp/tank.img
zfs create -o atime=off -o compression=on -o xattr=sa -o acltype=posixacl tank/BACKUP
chmod 755 /usr/local/bin/planb /usr/local/bin/openzfs.test /usr/local/bin/planb-sender

install -d /etc/planb
(umask 027 && printf '%s' "$1" >/etc/planb/planb.yaml && chgrp planb /etc/planb/planb.yaml)
ssh-keygen -q -t ed25519 -N '' -C 'planb restore' -f /etc/planb/restore_ed25519
chown planb: /etc/planb/restore_ed25519

cd /
setsid -f runuser -u planb -- env -i PATH=/usr/local/bin:/usr/bin:/bin planb worker \
	</dev/null >/var/log/planb-worker.log 2>&1

useradd --create-home --shell /bin/sh --password '*' remotebackup
cat >/etc/sudoers.d/planb-sender <<'END'
remotebackup ALL=(root) NOPASSWD: /usr/local/bin/planb-sender --root *
END
chmod 440 /etc/sudoers.d/planb-sender
visudo -cq
until [ -e /var/lib/planb/ssh/id_ed25519.pub ]; do sleep 0.1; done
install -d -o root -g root -m 755 ~remotebackup/.ssh
printf 'restrict,command="/usr/local/bin/planb-sender" %s\n' \
	"$(cat /var/lib/planb/ssh/id_ed25519.pub)" >~remotebackup/.ssh/authorized_keys

# Where files may be pushed to, and what the test restores by hand with.
printf 'restrict,command="/usr/local/bin/planb-receiver /srv/restored" %s\n' \
	"$(cat /etc/planb/restore_ed25519.pub)" >>/root/.ssh/authorized_keys
mkdir /srv/restored
ssh-keygen -q -t ed25519 -N '' -C root -f /root/.ssh/id_ed25519
cat /root/.ssh/id_ed25519.pub >>/root/.ssh/authorized_keys
printf 'localhost %s\n' "$(cut -d' ' -f1,2 /etc/ssh/ssh_host_ed25519_key.pub)" >/root/.ssh/known_hosts
