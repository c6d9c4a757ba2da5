package tree

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// FakeSuperAttr is the extended attribute in which a receiver that is not root
// (rsync --fake-super) keeps the true type, mode, device and owner of a file.
const FakeSuperAttr = "user.rsync.%stat"

// rsyncPrefix starts the attributes that rsync --fake-super moved into the user
// namespace, and, with a % after it, rsync's own.
const rsyncPrefix = "user.rsync."

// ErrFakeSuper is an attribute that rsync could not have written.
var ErrFakeSuper = errors.New("not a fake-super attribute")

// FakeSuper is the content of FakeSuperAttr. Its text form, by rsync's xattrs.c,
// is "%o %u,%u %u:%u": mode with the file type, device, owner.
type FakeSuper struct {
	// Mode holds type and permission bits as in st_mode.
	Mode uint32
	// Major and Minor are 0 but for devices.
	Major, Minor uint32
	UID, GID     uint32
}

// ParseFakeSuper reads the attribute's text. Anything but what rsync writes is
// ErrFakeSuper.
func ParseFakeSuper(text string) (FakeSuper, error) {
	bad := func() (FakeSuper, error) {
		return FakeSuper{}, fmt.Errorf("%w: %q", ErrFakeSuper, text)
	}
	// A trailing NUL or newline is what setfattr and older tools leave.
	mode, rest, ok := strings.Cut(strings.TrimRight(text, "\x00\n"), " ")
	dev, owner, ok2 := strings.Cut(rest, " ")
	if !ok || !ok2 {
		return bad()
	}
	major, minor, ok := strings.Cut(dev, ",")
	uid, gid, ok2 := strings.Cut(owner, ":")
	if !ok || !ok2 {
		return bad()
	}
	var f FakeSuper
	for _, n := range []struct {
		text string
		base int
		to   *uint32
	}{{mode, 8, &f.Mode}, {major, 10, &f.Major}, {minor, 10, &f.Minor}, {uid, 10, &f.UID}, {gid, 10, &f.GID}} {
		v, err := strconv.ParseUint(n.text, n.base, 32)
		if err != nil {
			return bad()
		}
		*n.to = uint32(v)
	}
	if Type(f.Mode) == "" || f.Mode&^uint32(unix.S_IFMT|0o7777) != 0 {
		return bad()
	}
	return f, nil
}

// String gives the text that rsync would write.
func (f FakeSuper) String() string {
	return fmt.Sprintf("%o %d,%d %d:%d", f.Mode, f.Major, f.Minor, f.UID, f.GID)
}

// fits says whether the attribute may describe a stored file of the real mode:
// rsync keeps directories as directories and everything else as a regular file.
func (f FakeSuper) fits(real uint32) bool {
	isDir := f.Mode&unix.S_IFMT == unix.S_IFDIR
	switch real & unix.S_IFMT {
	case unix.S_IFDIR:
		return isDir
	case unix.S_IFREG:
		return !isDir
	}
	return false
}

// hostAttr gives the name that an attribute of a stored file had on the host,
// or false for one of rsync's own. It does not ask whether the file carries
// FakeSuperAttr: rsync leaves that off where owner and mode are the real ones.
func hostAttr(stored string) (string, bool) {
	rest, ok := strings.CutPrefix(stored, rsyncPrefix)
	if !ok {
		return stored, true
	}
	for _, space := range []string{"security.", "system.", "trusted."} {
		if strings.HasPrefix(rest, space) {
			return rest, true
		}
	}
	return stored, !strings.HasPrefix(rest, "%")
}
