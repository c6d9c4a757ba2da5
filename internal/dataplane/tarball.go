package dataplane

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// The trailers of an archive: a caller that sees neither got only a part.
const (
	trailerDone  = "Planb-Done"
	trailerError = "Planb-Error"
)

// tar streams the given paths (parameter path, several times) as a PAX archive:
// names without the leading slash, owners, modes, devices and extended
// attributes as they were on the host. Sockets are left out, as tar has none.
func (s *server) tar(w http.ResponseWriter, r *request, tree *dir) error {
	paths := r.query["path"]
	if len(paths) == 0 {
		paths = []string{"/"}
	}
	// All paths are looked at before the first byte, so that a missing one gets
	// an answer.
	for _, p := range paths {
		d, _, _, err := tree.find(p)
		if err != nil {
			return err
		}
		d.Close()
	}
	h := w.Header()
	h.Set("Content-Type", "application/x-tar")
	h.Set("Content-Disposition", "attachment")
	h.Set("Trailer", trailerDone+", "+trailerError)
	buf := bufio.NewWriterSize(w, 256<<10)
	t := &tarball{w: tar.NewWriter(buf), done: r.Context().Done(), links: map[[2]uint64]string{}}
	err := t.addAll(tree, paths)
	if err == nil {
		err = t.w.Close()
	}
	if ferr := buf.Flush(); err == nil {
		err = ferr
	}
	if err != nil {
		esc, _ := Escape(err.Error())
		h.Set(trailerError, esc)
		s.Log.Error("archive cut short", "dataset", r.query.Get("dataset"), "snap", r.query.Get("snap"), "error", err)
		return nil
	}
	h.Set(trailerDone, "1")
	return nil
}

// tarball writes one archive.
type tarball struct {
	w    *tar.Writer
	done <-chan struct{}
	// links gives, by device and inode, the first name of a file with several.
	links map[[2]uint64]string
}

var errGone = errors.New("the caller went away")

func (t *tarball) addAll(tree *dir, paths []string) error {
	for _, p := range paths {
		d, name, m, err := tree.find(p)
		if err != nil {
			return err
		}
		err = t.add(d, name, strings.TrimPrefix(cleanPath(p), "/"), m)
		d.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// add writes name of d, and all beneath it, under the path to.
func (t *tarball) add(d *dir, name, to string, m meta) error {
	select {
	case <-t.done:
		return errGone
	default:
	}
	if len(to) > maxPath {
		return fmt.Errorf("a path is longer than %d bytes: %.60s…", maxPath, to)
	}
	var err error
	switch fileType(m.mode) {
	case TypeDir:
		return t.addDir(d, name, to, m)
	case TypeFile:
		err = t.addFile(d, name, to, m)
	case TypeSocket, "":
		return nil
	default:
		err = t.addSpecial(d, name, to, m)
	}
	if err != nil {
		return fmt.Errorf("/%s: %w", to, err)
	}
	return nil
}

func (t *tarball) addDir(d *dir, name, to string, m meta) error {
	hdr, err := d.header(name, to, m)
	if err != nil {
		return fmt.Errorf("/%s: %w", to, err)
	}
	hdr.Typeflag, hdr.Name = tar.TypeDir, path.Join(".", to)+"/"
	if err := t.w.WriteHeader(hdr); err != nil {
		return fmt.Errorf("/%s: %w", to, err)
	}
	sub, err := d.openDir(name)
	if err != nil {
		return fmt.Errorf("/%s: %w", to, err)
	}
	defer sub.Close()
	for {
		names, err := sub.names(namesBatch)
		for _, child := range names {
			cm, err := sub.meta(child)
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

func (t *tarball) addFile(d *dir, name, to string, m meta) error {
	if done, err := t.hardlink(to, m); done || err != nil {
		return err
	}
	f, err := d.openFile(name)
	if err != nil {
		return err
	}
	defer f.Close()
	hdr, err := d.header(name, to, m)
	if err != nil {
		return err
	}
	hdr.Typeflag, hdr.Size = tar.TypeReg, m.size
	if err := t.w.WriteHeader(hdr); err != nil {
		return err
	}
	n, err := io.CopyN(t.w, f, m.size)
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("it shrank from %d to %d bytes while it was read", m.size, n)
	}
	return err
}

func (t *tarball) addSpecial(d *dir, name, to string, m meta) error {
	if done, err := t.hardlink(to, m); done || err != nil {
		return err
	}
	hdr, err := d.header(name, to, m)
	if err != nil {
		return err
	}
	switch fileType(m.mode) {
	case TypeSymlink:
		hdr.Typeflag, hdr.Linkname = tar.TypeSymlink, m.target
	case TypeFIFO:
		hdr.Typeflag = tar.TypeFifo
	case TypeChar:
		hdr.Typeflag = tar.TypeChar
	case TypeBlock:
		hdr.Typeflag = tar.TypeBlock
	}
	if hdr.Typeflag == tar.TypeChar || hdr.Typeflag == tar.TypeBlock {
		hdr.Devmajor, hdr.Devminor = int64(m.major), int64(m.minor)
	}
	return t.w.WriteHeader(hdr)
}

// hardlink writes a link to the first name of a file that is already in the
// archive and says whether it did.
func (t *tarball) hardlink(to string, m meta) (bool, error) {
	if m.nlink < 2 {
		return false, nil
	}
	id := [2]uint64{m.dev, m.ino}
	first, ok := t.links[id]
	if !ok {
		t.links[id] = to
		return false, nil
	}
	return true, t.w.WriteHeader(&tar.Header{
		Typeflag: tar.TypeLink, Name: to, Linkname: first, Format: tar.FormatPAX,
		Mode: int64(m.mode & 0o7777), Uid: int(m.uid), Gid: int(m.gid), ModTime: m.mtime,
	})
}

// header gives what is common to all types.
func (d *dir) header(name, to string, m meta) (*tar.Header, error) {
	attrs, err := d.hostAttrs(name, m)
	if err != nil {
		return nil, err
	}
	return &tar.Header{
		Format: tar.FormatPAX, Name: to, Mode: int64(m.mode & 0o7777),
		Uid: int(m.uid), Gid: int(m.gid), ModTime: m.mtime, PAXRecords: attrs,
	}, nil
}

// hostAttrs gives, as PAX records, the extended attributes and ACLs that the
// file had on the host.
func (d *dir) hostAttrs(name string, m meta) (map[string]string, error) {
	p := d.proc(name)
	list, err := growing(func(buf []byte) (int, error) { return unix.Llistxattr(p, buf) })
	if errors.Is(err, unix.ENOTSUP) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list extended attributes: %w", err)
	}
	var attrs map[string]string
	for stored := range strings.SplitSeq(string(list), "\x00") {
		// A PAX record's key ends at the first "=".
		if stored == "" || strings.Contains(stored, "=") {
			continue
		}
		v, err := growing(func(buf []byte) (int, error) { return unix.Lgetxattr(p, stored, buf) })
		if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read extended attribute %s: %w", stored, err)
		}
		if attrs == nil {
			attrs = map[string]string{}
		}
		if key, text, ok := paxACL(stored, v, m.mode); ok {
			attrs[key] = text
		} else if onHost, ok := hostAttr(stored); ok {
			attrs["SCHILY.xattr."+onHost] = string(v)
		}
	}
	return attrs, nil
}

// growing calls get with larger and larger buffers until the value fits.
func growing(get func([]byte) (int, error)) ([]byte, error) {
	for size := 256; ; size *= 4 {
		buf := make([]byte, size)
		n, err := get(buf)
		if err == nil {
			return buf[:n], nil
		}
		if !errors.Is(err, unix.ERANGE) || size > 1<<20 {
			return nil, err
		}
	}
}
