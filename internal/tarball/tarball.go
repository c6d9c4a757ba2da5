// Package tarball writes files of a snapshot as a tar archive, with owners,
// modes, devices, ACLs, extended attributes and hard links as they were on the
// host.
package tarball

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"planb/internal/tree"
)

// namesBatch is how many names are read from a directory at once.
const namesBatch = 1024

// maxDev is the largest number that fits the seven octal digits of tar; Linux
// uses 20 bits at most.
const maxDev = 0o7777777

// Options is what Write can be told.
type Options struct {
	// Entry, if given, is called before each file that goes into the archive,
	// with its path on the host.
	Entry func(path string, m tree.Meta)
	// Read, if given, is called with each number of bytes that was read of a file.
	Read func(n int64)
	// Left, if given, is called for each file of which something is not in the
	// archive, with the reason: sockets, devices with impossible numbers, and
	// files that are there but for attributes tar cannot name.
	Left func(path, why string)
}

// Write writes the given paths of a tree (of the host, absolute; "/" is all) to
// w as a PAX archive, names without the leading slash. A path within another is
// written once. It ends with ctx's error when ctx ends.
func Write(ctx context.Context, w io.Writer, root *tree.Dir, paths []string, o Options) error {
	t := &tarball{Options: o, ctx: ctx, out: w, w: tar.NewWriter(w), links: map[[2]uint64]string{}}
	if err := t.addAll(root, paths); err != nil {
		return err
	}
	return t.w.Close()
}

// List calls Options.Entry and Left as Write does, and writes nothing.
func List(ctx context.Context, root *tree.Dir, paths []string, o Options) error {
	t := &tarball{Options: o, ctx: ctx, dry: true}
	return t.addAll(root, paths)
}

func (t *tarball) addAll(root *tree.Dir, paths []string) error {
	for _, p := range outermost(paths) {
		if err := t.addPath(root, p); err != nil {
			return err
		}
	}
	return nil
}

// outermost gives the cleaned paths without those that lie within another.
func outermost(paths []string) []string {
	clean := make([]string, 0, len(paths))
	for _, p := range paths {
		clean = append(clean, strings.TrimSuffix(tree.Clean(p), "/")+"/")
	}
	slices.Sort(clean)
	var out []string
	for _, p := range clean {
		// Sorted with the slash, a directory comes right before what is in it.
		if len(out) > 0 && strings.HasPrefix(p, out[len(out)-1]) {
			continue
		}
		out = append(out, p)
	}
	return out
}

// tarball writes one archive.
type tarball struct {
	Options
	ctx context.Context
	// w writes headers and contents to out.
	w   *tar.Writer
	out io.Writer
	// dry says that nothing is written.
	dry bool
	// links gives, by device and inode, the first name of a file with several.
	links map[[2]uint64]string
}

func (t *tarball) addPath(root *tree.Dir, p string) error {
	d, name, m, err := root.Find(p)
	if err != nil {
		return err
	}
	defer d.Close()
	return t.add(d, name, strings.TrimPrefix(tree.Clean(p), "/"), m)
}

// add writes name of d, and all beneath it, under the path to.
func (t *tarball) add(d *tree.Dir, name, to string, m tree.Meta) error {
	if err := t.ctx.Err(); err != nil {
		return context.Cause(t.ctx)
	}
	if len(to) > tree.MaxPath {
		return fmt.Errorf("a path is longer than %d bytes: %.60s…", tree.MaxPath, to)
	}
	if t.Entry != nil && m.Type() != tree.TypeSocket {
		t.Entry("/"+to, m)
	}
	var err error
	switch m.Type() {
	case tree.TypeDir:
		return t.addDir(d, name, to, m)
	case tree.TypeSocket, "":
		t.left(to, "tar keeps no sockets")
		return nil
	case tree.TypeFile:
		if !t.dry {
			err = t.addFile(d, name, to, m)
		}
	default:
		if !t.dry {
			err = t.addSpecial(d, name, to, m)
		}
	}
	if err != nil {
		return fmt.Errorf("/%s: %w", to, err)
	}
	return nil
}

func (t *tarball) addDir(d *tree.Dir, name, to string, m tree.Meta) error {
	if err := t.dirHeader(d, name, to, m); err != nil {
		return fmt.Errorf("/%s: %w", to, err)
	}
	sub, err := d.OpenDir(name)
	if err != nil {
		return fmt.Errorf("/%s: %w", to, err)
	}
	defer sub.Close()
	for {
		names, err := sub.Names(namesBatch)
		for _, child := range names {
			cm, err := sub.Meta(child)
			if errors.Is(err, unix.ENOENT) {
				continue // the live files may change under us
			}
			if err != nil {
				return fmt.Errorf("/%s: %w", path.Join(to, child), err)
			}
			if err := t.add(sub, child, path.Join(to, child), cm); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("/%s: %w", to, err)
		}
	}
}

func (t *tarball) dirHeader(d *tree.Dir, name, to string, m tree.Meta) error {
	if t.dry {
		return nil
	}
	hdr, err := t.header(d, name, to, m)
	if err != nil {
		return err
	}
	hdr.Typeflag, hdr.Name = tar.TypeDir, path.Join(".", to)+"/"
	return t.w.WriteHeader(hdr)
}

func (t *tarball) addFile(d *tree.Dir, name, to string, m tree.Meta) error {
	if done, err := t.hardlink(to, m); done || err != nil {
		return err
	}
	f, err := d.OpenFile(name)
	if err != nil {
		return err
	}
	defer f.Close()
	hdr, err := t.header(d, name, to, m)
	if err != nil {
		return err
	}
	hdr.Typeflag, hdr.Size = tar.TypeReg, m.Size
	if parts := extents(f, m.Size, m.Blocks*512); parts != nil {
		return t.addSparse(hdr, f, parts)
	}
	if err := t.w.WriteHeader(hdr); err != nil {
		return err
	}
	// Looking for holes has moved the place to read from.
	n, err := io.Copy(t.w, t.content(f, 0, m.Size))
	if err == nil && n < m.Size {
		return errShrank
	}
	return err
}

// content reads a part of a file until ctx ends.
func (t *tarball) content(f io.ReaderAt, at, size int64) io.Reader {
	return &content{t: t, r: io.NewSectionReader(f, at, size)}
}

type content struct {
	t *tarball
	r io.Reader
}

// Read implements io.Reader.
func (c *content) Read(p []byte) (int, error) {
	if c.t.ctx.Err() != nil {
		return 0, context.Cause(c.t.ctx)
	}
	n, err := c.r.Read(p)
	if c.t.Options.Read != nil {
		c.t.Options.Read(int64(n))
	}
	return n, err
}

func (t *tarball) addSpecial(d *tree.Dir, name, to string, m tree.Meta) error {
	if done, err := t.hardlink(to, m); done || err != nil {
		return err
	}
	hdr, err := t.header(d, name, to, m)
	if err != nil {
		return err
	}
	switch m.Type() {
	case tree.TypeSymlink:
		hdr.Typeflag, hdr.Linkname = tar.TypeSymlink, m.Target
	case tree.TypeFIFO:
		hdr.Typeflag = tar.TypeFifo
	case tree.TypeChar:
		hdr.Typeflag = tar.TypeChar
	case tree.TypeBlock:
		hdr.Typeflag = tar.TypeBlock
	}
	if hdr.Typeflag == tar.TypeChar || hdr.Typeflag == tar.TypeBlock {
		if m.Major > maxDev || m.Minor > maxDev {
			t.left(to, "tar has no room for its device number")
			return nil
		}
		hdr.Devmajor, hdr.Devminor = int64(m.Major), int64(m.Minor)
	}
	return t.w.WriteHeader(hdr)
}

// hardlink writes a link to the first name of a file that is already in the
// archive and says whether it did.
func (t *tarball) hardlink(to string, m tree.Meta) (bool, error) {
	if m.Nlink < 2 {
		return false, nil
	}
	id := [2]uint64{m.Dev, m.Ino}
	first, ok := t.links[id]
	if !ok {
		t.links[id] = to
		return false, nil
	}
	return true, t.w.WriteHeader(&tar.Header{
		Typeflag: tar.TypeLink, Name: to, Linkname: first, Format: tar.FormatPAX,
		Mode: int64(m.Mode & 0o7777), Uid: int(m.UID), Gid: int(m.GID), ModTime: m.MTime,
	})
}

// header gives what is common to all types.
func (t *tarball) header(d *tree.Dir, name, to string, m tree.Meta) (*tar.Header, error) {
	attrs, err := d.Attrs(name, m)
	if err != nil {
		return nil, err
	}
	for name := range attrs.Xattrs {
		if !nameable(name) {
			t.left(to, "not the file, but an extended attribute that tar cannot name")
			break
		}
	}
	return &tar.Header{
		Format: tar.FormatPAX, Name: to, Mode: int64(m.Mode & 0o7777),
		Uid: int(m.UID), Gid: int(m.GID), ModTime: m.MTime, PAXRecords: records(attrs),
	}, nil
}

// nameable says whether an attribute can be in an archive: the key of a PAX
// record ends at the first "=".
func nameable(attr string) bool { return !strings.Contains(attr, "=") }

// records gives attributes the names that star, GNU tar and bsdtar share.
func records(a tree.Attrs) map[string]string {
	out := map[string]string{}
	for name, value := range a.Xattrs {
		if nameable(name) {
			out["SCHILY.xattr."+name] = value
		}
	}
	if a.Access != "" {
		out["SCHILY.acl.access"] = a.Access
	}
	if a.Default != "" {
		out["SCHILY.acl.default"] = a.Default
	}
	return out
}

func (t *tarball) left(to, why string) {
	if t.Left != nil {
		t.Left("/"+to, why)
	}
}
