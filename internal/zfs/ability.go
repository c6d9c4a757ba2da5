package zfs

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Abilities are what this ZFS can do with a dataset.
type Abilities struct {
	MultiDestroy  bool // several snapshots in one zfs destroy
	DryRunDestroy bool // zfs destroy -n
	Holds         bool // zfs hold
	SnapDir       bool // .zfs/snapshot
	Xattrs        bool // user.* attributes
	ACLs          bool // POSIX ACLs
}

// commandAbilities are those of the program, the same for every dataset.
type commandAbilities struct{ multiDestroy, dryRun, holds bool }

// Abilities finds out, by trying, what works on a dataset, which it mounts for
// that. Each is tried once in the life of the Client.
func (c *Client) Abilities(ctx context.Context, dataset string) (Abilities, error) {
	c.abilityMu.Lock()
	a, known := c.abilities[dataset]
	c.abilityMu.Unlock()
	if known {
		return a, nil
	}
	able, err := c.commandAbilities(ctx, dataset)
	if err != nil {
		return Abilities{}, err
	}
	dir, err := c.EnsureMounted(ctx, dataset)
	if err != nil {
		return Abilities{}, err
	}
	a = Abilities{MultiDestroy: able.multiDestroy, DryRunDestroy: able.dryRun, Holds: able.holds}
	if st, err := os.Stat(filepath.Join(dir, ".zfs", "snapshot")); err == nil {
		a.SnapDir = st.IsDir()
	}
	if a.Xattrs, a.ACLs, err = ProbeAttributes(dir); err != nil {
		return Abilities{}, fmt.Errorf("try extended attributes on dataset %s: %w", dataset, err)
	}
	c.abilityMu.Lock()
	c.abilities[dataset] = a
	c.abilityMu.Unlock()
	return a, nil
}

// forget drops what is known of a dataset that got another name or is gone.
func (c *Client) forget(dataset string) {
	c.abilityMu.Lock()
	defer c.abilityMu.Unlock()
	for name := range c.abilities {
		if name == dataset || strings.HasPrefix(name, dataset+"/") {
			delete(c.abilities, name)
		}
	}
}

// commandAbilities tries the commands on snapshots that cannot exist: their
// names are random, so that there is nothing that the attempt could destroy.
func (c *Client) commandAbilities(ctx context.Context, dataset string) (commandAbilities, error) {
	if err := checkDataset(dataset); err != nil {
		return commandAbilities{}, err
	}
	c.abilityMu.Lock()
	defer c.abilityMu.Unlock()
	if c.commands != nil {
		return *c.commands, nil
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails, see crypto/rand
	absent := dataset + "@planb-probe-" + hex.EncodeToString(id)

	understood := func(args ...string) (bool, error) {
		_, err := c.zfs(ctx, args...)
		switch {
		case err == nil, errors.Is(err, ErrNotExist):
			return true, nil
		case errors.Is(err, errBadOption), errors.Is(err, errBadName):
			return false, nil
		}
		return false, about(dataset, err)
	}
	var a commandAbilities
	var errs [3]error
	a.dryRun, errs[0] = understood("destroy", "-n", absent)
	a.multiDestroy, errs[1] = understood("destroy", absent+"-1,planb-probe-"+hex.EncodeToString(id)+"-2")
	a.holds, errs[2] = understood("hold", "planb-probe", absent)
	if err := errors.Join(errs[:]...); err != nil {
		return commandAbilities{}, err
	}
	c.commands = &a
	return a, nil
}

// sampleACL is a POSIX access ACL in the kernel's format: version 2, and the
// entries user::rw-, user:65534:r--, group::---, mask::r--, other::---. One
// with a named user cannot be stored as a plain mode.
var sampleACL = []byte{
	2, 0, 0, 0,
	1, 0, 6, 0, 0xff, 0xff, 0xff, 0xff,
	2, 0, 4, 0, 0xfe, 0xff, 0, 0,
	4, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
	0x10, 0, 4, 0, 0xff, 0xff, 0xff, 0xff,
	0x20, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
}

// ProbeAttributes tries extended attributes and ACLs on a file of its own in
// dir, of whatever file system, which is gone when it returns.
func ProbeAttributes(dir string) (xattrs, acls bool, err error) {
	f, err := os.CreateTemp(dir, ".planb-probe-*")
	if err != nil {
		return false, false, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	try := func(attr string, value []byte) (bool, error) {
		err := unix.Fsetxattr(int(f.Fd()), attr, value, 0)
		switch {
		case err == nil:
			return true, nil
		case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
			return false, nil
		}
		return false, fmt.Errorf("set %s: %w", attr, err)
	}
	if xattrs, err = try("user.planb.probe", []byte("1")); err != nil {
		return false, false, err
	}
	acls, err = try("system.posix_acl_access", sampleACL)
	return xattrs, acls, err
}
