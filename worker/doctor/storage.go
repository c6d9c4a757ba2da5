package doctor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"

	"planb/internal/command"
	"planb/internal/rsync"
	"planb/internal/zfs"
)

var versionRE = regexp.MustCompile(`\d+(\.\d+)+[A-Za-z0-9.-]*`)

// here says whether this machine is a storage server, and says of a check that
// it is not.
func (d *Doctor) here(check string) bool {
	if len(d.Config.Storages) > 0 {
		return true
	}
	d.say(check, NotHere, "this machine has no storages")
	return false
}

// programs looks for what a storage server runs, and in which version.
func (d *Doctor) programs(ctx context.Context) {
	if !d.here("programs") {
		return
	}
	for _, p := range []struct {
		name, remedy string
		args         []string
	}{
		{"ssh", "install openssh-client", []string{"-V"}},
		{"rsync", "install rsync", []string{"--version"}},
	} {
		path, err := exec.LookPath(p.name)
		if err != nil {
			d.say(p.name, Wrong, "is not installed: %s", p.remedy)
			continue
		}
		version, err := versionOf(ctx, append([]string{path}, p.args...)...)
		if err == nil && p.name == "rsync" {
			err = rsync.CheckVersion("this machine", version)
		}
		if err != nil {
			d.say(p.name, Wrong, "%s", err)
			continue
		}
		d.say(p.name, OK, "%s, version %s", path, version)
	}
	zpath := zfs.Program("zfs")
	if _, err := os.Stat(zpath); err != nil {
		d.say("zfs", Wrong, "is not installed: install zfsutils-linux, or zfs-fuse where there is no module")
		return
	}
	version, err := versionOf(ctx, zpath, "version")
	if err != nil || version == "" {
		version = "that it does not tell" // zfs-fuse has no such command
	}
	d.say("zfs", OK, "%s, version %s", zpath, version)
}

// versionOf gives the first version in what a program prints about itself.
func versionOf(ctx context.Context, argv ...string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var out, errs bytes.Buffer // ssh tells it on standard error
	if err := command.Run(ctx, command.Cmd{Argv: argv, Stdout: &out, Stderr: &errs}); err != nil {
		return "", err
	}
	return versionRE.FindString(out.String() + errs.String()), nil
}

// rights looks whether zfs may be run as it has to be.
func (d *Doctor) rights(ctx context.Context) {
	const check = "rights"
	if !d.here(check) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	switch {
	case os.Geteuid() == 0:
		d.say(check, OK, "root: all of them; owners of files are kept as they are")
	case d.Config.ZFS.Sudo:
		if missing := d.notAllowed(ctx); len(missing) > 0 {
			d.say(check, Wrong, "sudo does not let this user run %s: install deploy/sudoers as /etc/sudoers.d/planb, mode 440, with your paths and numbers", strings.Join(missing, ", "))
			return
		}
		d.say(check, OK, "sudo lets this user run what the worker needs")
	default:
		d.say(check, OK, "neither root nor sudo: what zfs allow grants shows below")
	}
}

// needed are the commands of zfs and zpool that a worker runs, as deploy/sudoers
// has them.
var needed = map[string][]string{
	"zfs": {
		"list", "get", "set", "inherit", "create", "mount", "unmount", "rename", "snapshot", "clone", "destroy", "hold", "holds", "release",
	},
	"zpool": {"list", "get", "status"},
}

// notAllowed gives the commands that sudo refuses, without running any of them.
func (d *Doctor) notAllowed(ctx context.Context) []string {
	refused := func(argv ...string) bool {
		return command.Run(ctx, command.Cmd{Argv: append([]string{"sudo", "-n", "-l"}, argv...)}) != nil
	}
	var missing []string
	for _, name := range []string{"zfs", "zpool"} {
		for _, sub := range needed[name] {
			if refused(zfs.Program(name), sub, d.Config.Storages[0].Dataset) {
				missing = append(missing, name+" "+sub)
			}
		}
	}
	owner := fmt.Sprintf("%d:%d", os.Geteuid(), os.Getegid())
	for _, st := range d.Config.Storages {
		if dir := "/" + st.Dataset + "/acme/web1"; refused(zfs.Program("chown"), owner, dir) {
			missing = append(missing, "chown "+owner+" "+dir)
		}
	}
	return missing
}

// pools looks at the storages of this machine.
func (d *Doctor) pools(ctx context.Context) {
	if !d.here("storages") {
		return
	}
	for _, st := range d.Config.Storages {
		d.storage(ctx, st.Dataset)
	}
}

func (d *Doctor) storage(ctx context.Context, dataset string) {
	check := "storage " + dataset
	ctx, cancel := context.WithTimeout(ctx, 4*patience)
	defer cancel()
	if _, err := d.ZFS.Dataset(ctx, dataset); err != nil {
		if errors.Is(err, zfs.ErrNotExist) {
			d.say(check, Wrong, "is not there: make it with zfs create -p %s, or import its pool", dataset)
		} else {
			d.say(check, Wrong, "cannot be read: %s", err)
		}
		return
	}
	name, _, _ := strings.Cut(dataset, "/")
	pool, err := d.ZFS.Pool(ctx, name)
	if err != nil {
		d.say(check, Wrong, "its pool cannot be read: %s", err)
		return
	}
	if pool.Health != "ONLINE" {
		d.say(check, Wrong, "its pool %s is %s: zpool status -x says why", name, pool.Health)
		return
	}
	room, err := d.ZFS.Room(ctx, dataset)
	if err != nil {
		d.say(check, Wrong, "its room cannot be read: %s", err)
		return
	}
	free := 0
	if all := room.Used + room.Available; all > 0 {
		free = int(100 * float64(room.Available) / float64(all))
	}
	if free < d.Config.Limits.FreeWarn {
		d.say(check, Wrong, "%d%% of it is free, less than limits.free_warn (%d%%): make room, or add disks to the pool", free, d.Config.Limits.FreeWarn)
		return
	}
	able, err := d.abilities(ctx, dataset)
	if errors.Is(err, fs.ErrPermission) {
		d.say(check, OK, "its pool is ONLINE, %d%% free; whether it stores extended attributes can be tried once it has a host's dataset", free)
		return
	}
	if err != nil {
		d.say(check, Wrong, "what it can do cannot be tried: %s", err)
		return
	}
	text := fmt.Sprintf("its pool is ONLINE, %d%% free", free)
	lacks := lacking(able)
	if len(lacks) > 0 {
		text += "; without " + strings.Join(lacks, ", ") + ", which PlanB does without"
	}
	if !able.Xattrs && os.Geteuid() != 0 {
		d.say(check, Wrong, "it stores no extended attributes, without which a worker that is not root loses owners: zfs set xattr=sa %s, or run the worker as root", dataset)
		return
	}
	d.say(check, OK, "%s", text)
}

// abilities tries what works beneath a storage: on itself, or where its top
// directory is not this user's, as is right, on the dataset of a host.
func (d *Doctor) abilities(ctx context.Context, storage string) (zfs.Abilities, error) {
	able, err := d.ZFS.Abilities(ctx, storage)
	if !errors.Is(err, fs.ErrPermission) {
		return able, err
	}
	all, listed := d.ZFS.Datasets(ctx, storage)
	if listed != nil {
		return able, listed
	}
	for _, host := range all {
		if host.Props[zfs.PropHost] == "" {
			continue
		}
		if able, tried := d.ZFS.Abilities(ctx, host.Name); !errors.Is(tried, fs.ErrPermission) {
			return able, tried
		}
	}
	return able, err
}

func lacking(able zfs.Abilities) []string {
	var out []string
	for _, a := range []struct {
		has  bool
		name string
	}{
		{able.Xattrs, "extended attributes"},
		{able.ACLs, "ACLs"},
		{able.SnapDir, ".zfs/snapshot"},
		{able.Holds, "holds"},
		{able.MultiDestroy, "destroying several snapshots at once"},
	} {
		if !a.has {
			out = append(out, a.name)
		}
	}
	return slices.Clip(out)
}
