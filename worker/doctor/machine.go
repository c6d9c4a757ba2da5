package doctor

import (
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"syscall"
)

// state looks whether the state directory is there, writable and private.
func (d *Doctor) state(context.Context) {
	const check = "state directory"
	dir := d.Config.State
	st, err := os.Stat(dir)
	switch {
	case os.IsNotExist(err):
		d.say(check, Wrong, "%s is not there: make it with install -d -m 700 -o USER %s, for the user that planb runs as", dir, dir)
		return
	case err != nil:
		d.say(check, Wrong, "%s cannot be looked at: %s", dir, err)
		return
	case !st.IsDir():
		d.say(check, Wrong, "%s is no directory: move it away, or set state to another", dir)
		return
	}
	if st.Mode().Perm()&0o027 != 0 {
		d.say(check, Wrong, "%s is open to others (mode %04o): chmod 700 %s", dir, st.Mode().Perm(), dir)
		return
	}
	if own, ok := st.Sys().(*syscall.Stat_t); ok && int(own.Uid) != os.Geteuid() && os.Geteuid() != 0 {
		d.say(check, Wrong, "%s belongs to another user: chown it to the user that planb runs as, and run planb doctor as that one", dir)
		return
	}
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		d.say(check, Wrong, "nothing can be written to %s: %s", dir, err)
		return
	}
	_, err = f.WriteString("x")
	closed := f.Close()
	removed := os.Remove(f.Name())
	for _, err := range []error{err, closed, removed} {
		if err != nil {
			d.say(check, Wrong, "nothing can be written to %s: %s", dir, err)
			return
		}
	}
	d.say(check, OK, "%s is private, and can be written to", dir)
	d.key()
}

// key looks whether others can read the key with which hosts are reached.
func (d *Doctor) key() {
	const check = "ssh key"
	if len(d.Config.Storages) == 0 {
		return
	}
	st, err := os.Stat(d.Config.SSH.Key)
	switch {
	case os.IsNotExist(err):
		d.say(check, Wrong, "%s is not there: planb worker makes it at its first start, if it is below %s", d.Config.SSH.Key, d.Config.State)
	case err != nil:
		d.say(check, Wrong, "%s cannot be looked at: %s", d.Config.SSH.Key, err)
	case st.Mode().Perm()&0o077 != 0:
		d.say(check, Wrong, "others may read %s (mode %04o), and ssh refuses it then: chmod 600 %s", d.Config.SSH.Key, st.Mode().Perm(), d.Config.SSH.Key)
	default:
		d.say(check, OK, "%s is private", filepath.Clean(d.Config.SSH.Key))
	}
}

// metrics looks who could scrape without being asked who it is.
func (d *Doctor) metrics(context.Context) {
	if d.Config.Database.URL != "" {
		d.scrapes("metrics.control", d.Config.Metrics.Control)
	}
	if len(d.Config.Storages) > 0 {
		d.scrapes("metrics.worker", d.Config.Metrics.Worker)
	}
}

func (d *Doctor) scrapes(check, address string) {
	if address == "off" {
		d.say(check, OK, "is off")
		return
	}
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		d.say(check, Wrong, "%q is not host:port: give that, or off", address)
		return
	}
	ip, err := netip.ParseAddr(host)
	switch {
	case host == "" || err == nil && ip.IsUnspecified():
		d.say(check, Wrong, "answers everybody on all addresses of this machine: name one that only Prometheus reaches, or 127.0.0.1")
	case host == "localhost" || err == nil && ip.IsLoopback():
		d.say(check, OK, "answers on %s, this machine only", address)
	default:
		d.say(check, OK, "answers on %s without asking who it is: a firewall has to keep others out", address)
	}
}
