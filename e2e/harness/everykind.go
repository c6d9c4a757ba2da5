package harness

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Kinds are those kinds of files that not every filesystem can hold.
type Kinds struct {
	// Attributes are extended attributes, file capabilities and ACLs.
	Attributes bool
	// Wide are times after 2038 and owners from 2^31 on; zfs-fuse has no room
	// for either.
	Wide bool
}

// EveryKind makes a tree in the directory root, which it creates, with every
// kind of file that a backup can lose or spoil. It needs root. Nothing in it is
// large; 64 MB are a hole.
func EveryKind(root string, kinds Kinds) error {
	k := &kindMaker{root: root, kinds: kinds}
	for _, part := range []func(){
		k.names, k.links, k.specials, k.owners, k.contents, k.attributes, k.times, k.directories,
	} {
		part()
	}
	// Last, since each file that is made in a directory changes its time.
	for i := len(k.last) - 1; i >= 0; i-- {
		k.last[i]()
	}
	return k.err
}

// kindMaker makes the tree; the first error stays, and nothing is done after it.
type kindMaker struct {
	root  string
	kinds Kinds
	// last is done in reverse order when all files are there.
	last []func()
	err  error
}

func (k *kindMaker) path(name string) string { return filepath.Join(k.root, name) }

// do keeps the error of what was done to name.
func (k *kindMaker) do(name string, do func(path string) error) {
	if k.err != nil {
		return
	}
	if err := do(k.path(name)); err != nil {
		k.err = fmt.Errorf("make %q: %w", name, err)
	}
}

func (k *kindMaker) dir(name string) {
	k.do(name, func(p string) error { return os.MkdirAll(p, 0o755) })
}

func (k *kindMaker) file(name, text string) {
	k.dir(filepath.Dir(name))
	k.do(name, func(p string) error { return os.WriteFile(p, []byte(text), 0o644) })
}

func (k *kindMaker) link(name, to string) {
	k.do(name, func(p string) error { return os.Symlink(to, p) })
}

// own gives name away, which takes the bits for running as somebody else from
// it, then sets its mode, as chmod(2) has it.
func (k *kindMaker) own(name string, uid, gid int, mode uint32) {
	k.do(name, func(p string) error { return errors.Join(os.Lchown(p, uid, gid), unix.Chmod(p, mode)) })
}

func (k *kindMaker) time(name string, at time.Time) {
	k.do(name, func(p string) error {
		ts := []unix.Timespec{{Sec: at.Unix(), Nsec: int64(at.Nanosecond())}, {Sec: at.Unix(), Nsec: int64(at.Nanosecond())}}
		return unix.UtimesNanoAt(unix.AT_FDCWD, p, ts, unix.AT_SYMLINK_NOFOLLOW)
	})
}

// StrangeNames are names that break programs which read them line by line,
// print them, quote them, match with them, or take them for UTF-8.
var StrangeNames = []string{
	"new\nline", "ends in one\n", "tab\tand \x1b[31mcolour\x1b[0m", "del\x7f", "caf\xe9 in latin-1", "\xff\xfe\x80",
	"-rf", "--delete", "- filter", ":: merge", "+ *", "*", "?[x]", "back\\slash", `\#012`, `'"quotes"'`,
	"$(touch here)", "`id`", "a;b|c&d", "ends with space ", " ", "...", "~root", "#", "%stat", "=", "@",
	"ñandú composed", "n\u0303andu\u0301 decomposed", "日本語", "🦤",
	strings.Repeat("n", 255),
}

func (k *kindMaker) names() {
	for _, name := range StrangeNames {
		k.file(filepath.Join("names", name), "in "+name)
		k.file(filepath.Join("directories", name, name), "beneath "+name)
	}
	// Longer than any old limit of a path.
	deep := "deep"
	for range 6 {
		deep = filepath.Join(deep, strings.Repeat("d", 50))
	}
	k.file(filepath.Join(deep, "file"), "deep\n")
}

func (k *kindMaker) links() {
	k.file("links/one", "the same file\n")
	for _, other := range []string{"links/two", "links/names/three"} {
		k.dir(filepath.Dir(other))
		k.do(other, func(p string) error { return os.Link(k.path("links/one"), p) })
	}
	k.link("links/dangling", "../nowhere")
	k.link("links/absolute", "/etc/passwd")
	k.link("links/root", "/")
	k.link("links/up", "../../../../../../etc/shadow")
	k.link("links/itself", "itself")
	k.link("links/new\nline", "new\nline\xe9")
	k.link("links/long", strings.Repeat("long/", 200))
	k.link("links/owned", "one")
	k.do("links/owned", func(p string) error { return os.Lchown(p, 12345, 54321) })
	k.link("links/hard linked symbolic link", "one")
	k.do("links/two of it", func(p string) error { return os.Link(k.path("links/hard linked symbolic link"), p) })
}

func (k *kindMaker) specials() {
	k.dir("specials")
	node := func(name string, mode uint32, dev uint64) {
		k.do(name, func(p string) error { return unix.Mknod(p, mode, int(dev)) })
	}
	node("specials/null", unix.S_IFCHR|0o666, unix.Mkdev(1, 3))
	node("specials/block", unix.S_IFBLK|0o640, unix.Mkdev(7, 200))
	node("specials/large numbers", unix.S_IFBLK|0o600, unix.Mkdev(259, 70000))
	node("specials/pipe", unix.S_IFIFO|0o640, 0)
	node("specials/socket", unix.S_IFSOCK|0o755, 0)
	k.own("specials/pipe", 12345, 54321, 0o620)
	k.do("specials/null again", func(p string) error { return os.Link(k.path("specials/null"), p) })
}

func (k *kindMaker) owners() {
	for name, o := range map[string]struct {
		uid, gid int
		mode     uint32
	}{
		"unknown": {12345, 54321, 0o644}, "large": {k.largeID(), k.largeID() + 1, 0o640}, "nobody": {65534, 65534, 0o600},
		"setuid": {12345, 0, 0o4755}, "setgid": {0, 54321, 0o2755}, "both": {12345, 54321, 0o6711},
		"sticky file": {0, 0, 0o1644}, "no mode": {12345, 12345, 0}, "write only": {0, 0, 0o222},
	} {
		k.file("owners/"+name, name+"\n")
		k.own("owners/"+name, o.uid, o.gid, o.mode)
	}
}

// largeID is a number of a user or group, about the largest that can be held.
func (k *kindMaker) largeID() int {
	if k.kinds.Wide {
		return 4_000_000_000
	}
	return 2_000_000_000
}

// HoleSize is the size of the file that is mostly a hole, in bytes.
const HoleSize = 64 << 20

func (k *kindMaker) contents() {
	k.file("contents/empty", "")
	k.file("contents/zeros", strings.Repeat("\x00", 300_000))
	k.file("contents/block and a byte", strings.Repeat("x", 128<<10+1))
	k.do("contents/hole", func(p string) error { return WriteHole(p, HoleSize) })
	k.do("contents/only a hole", func(p string) error {
		return errors.Join(os.WriteFile(p, nil, 0o644), os.Truncate(p, 1<<20))
	})
}

// WriteHole makes a file of size bytes that is empty but for a few words at
// its begin, its middle and its end.
func WriteHole(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	for at, word := range map[int64]string{0: "begin", size / 2: "middle", size - 3: "end"} {
		if _, werr := f.WriteAt([]byte(word), at); werr != nil {
			err = werr
		}
	}
	return errors.Join(err, f.Close())
}

// aclVersion begins a POSIX ACL in the kernel's format; see acl(5) and
// linux/posix_acl_xattr.h for the entries.
const aclVersion = 2

type aclEntry struct {
	tag, perm uint16
	id        uint32
}

const aclNoID = 0xffffffff

func acl(entries ...aclEntry) []byte {
	b := binary.LittleEndian.AppendUint32(nil, aclVersion)
	for _, e := range entries {
		b = binary.LittleEndian.AppendUint16(b, e.tag)
		b = binary.LittleEndian.AppendUint16(b, e.perm)
		b = binary.LittleEndian.AppendUint32(b, e.id)
	}
	return b
}

func (k *kindMaker) attributes() {
	if !k.kinds.Attributes {
		return
	}
	set := func(name, attr, value string) {
		k.do(name, func(p string) error { return unix.Lsetxattr(p, attr, []byte(value), 0) })
	}
	// owner rwx, user 12345 r--, group r-x, group 4000000001 rw-, mask rwx, others none
	some := string(acl(
		aclEntry{0x01, 7, aclNoID}, aclEntry{0x02, 4, 12345}, aclEntry{0x04, 5, aclNoID},
		aclEntry{0x08, 6, 4000000001}, aclEntry{0x10, 7, aclNoID}, aclEntry{0x20, 0, aclNoID},
	))
	k.file("attributes/acl", "acl\n")
	set("attributes/acl", "system.posix_acl_access", some)
	k.dir("attributes/acl of a directory/inherits nothing yet")
	set("attributes/acl of a directory", "system.posix_acl_access", some)
	set("attributes/acl of a directory", "system.posix_acl_default", some)
	k.file("attributes/acl of a directory/inherited", "made below a default ACL\n")
	k.dir("attributes/default acl only")
	set("attributes/default acl only", "system.posix_acl_default", some)

	k.file("attributes/user", "user\n")
	set("attributes/user", "user.planb.text", "text")
	set("attributes/user", "user.planb.binary", "\x00\n\xff\x00")
	set("attributes/user", "user.planb.empty", "")
	set("attributes/user", "user.planb.large", strings.Repeat("v", 2000))
	k.dir("attributes/of a directory")
	set("attributes/of a directory", "user.planb.text", "text")
	k.file("attributes/trusted", "trusted\n")
	set("attributes/trusted", "trusted.planb", "only root sees it")
	// cap_net_raw+ep, revision 2: see linux/capability.h.
	k.file("attributes/capability", "#!/bin/sh\n")
	k.own("attributes/capability", 0, 0, 0o755)
	set("attributes/capability", "security.capability",
		"\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00")
	k.file("attributes/all", "all\n")
	k.own("attributes/all", 4000000000, 54321, 0o4750)
	set("attributes/all", "system.posix_acl_access", some)
	set("attributes/all", "user.planb.text", "text")
	set("attributes/all", "trusted.planb", "text")
}

func (k *kindMaker) times() {
	for name, at := range map[string]time.Time{
		"nanoseconds":  time.Date(2001, 2, 3, 4, 5, 6, 123456789, time.UTC),
		"epoch":        time.Unix(0, 0),
		"before 1970":  time.Date(1965, 2, 3, 4, 5, 6, 987654321, time.UTC),
		"far":          k.far(),
		"just below 0": time.Unix(-1, 999999999),
	} {
		k.file("times/"+name, name+"\n")
		k.time("times/"+name, at)
		k.link("times/link "+name, name)
		k.time("times/link "+name, at)
	}
	k.dir("times/old directory")
	k.file("times/old directory/new file", "new\n")
	k.last = append(k.last, func() { k.time("times/old directory", time.Date(1999, 12, 31, 23, 59, 59, 999999999, time.UTC)) })
}

// far is the latest time that the filesystem is to hold.
func (k *kindMaker) far() time.Time {
	if k.kinds.Wide {
		return time.Date(2100, 2, 3, 4, 5, 6, 7, time.UTC)
	}
	return time.Date(2038, 1, 19, 3, 14, 7, 0, time.UTC)
}

func (k *kindMaker) directories() {
	k.dir("modes/empty/inside empty")
	k.dir("modes/sticky")
	k.own("modes/sticky", 0, 0, 0o1777)
	k.dir("modes/setgid")
	k.own("modes/setgid", 12345, 54321, 0o2775)
	// What not even its owner can write to, look into, or enter.
	for name, mode := range map[string]uint32{"0555": 0o555, "0500": 0o500, "0111": 0o111, "0000": 0} {
		k.file(filepath.Join("modes", name, "file"), name+"\n")
		k.file(filepath.Join("modes", name, "below", "file"), name+"\n")
		k.last = append(k.last, func() { k.own(filepath.Join("modes", name), 12345, 54321, mode) })
	}
	// Deeper ones are made tidy first: done in reverse.
	k.last = append(k.last, func() { k.own("modes/0500/below", 0, 0, 0o500) })
}
