//go:build openzfs

package openzfs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"planb/internal/dataplane"
)

// listed is what a listing tells of one file, whoever lists it. Names are
// bytes, which JSON keeps as they are only in base64.
type listed struct {
	Name, Target []byte
	Type, Mode   string
	UID, GID     uint32
	// Size is -1 for a directory, where each filesystem has its own idea of it.
	Size  int64
	Rdev  string
	MTime int64 // nanoseconds since 1970
}

func asListed(e dataplane.Entry) listed {
	l := listed{
		Name: []byte(e.RawName()), Target: []byte(e.RawLinkTarget()), Type: e.Type, Mode: e.Mode,
		UID: e.UID, GID: e.GID, Size: e.Size, MTime: e.MTime.UnixNano(),
	}
	if e.Rdev != nil {
		l.Rdev = *e.Rdev
	}
	if e.Type == dataplane.TypeDir {
		l.Size = -1
	}
	return l
}

var types = map[uint32]string{
	unix.S_IFBLK: dataplane.TypeBlock, unix.S_IFCHR: dataplane.TypeChar, unix.S_IFDIR: dataplane.TypeDir,
	unix.S_IFIFO: dataplane.TypeFIFO, unix.S_IFREG: dataplane.TypeFile, unix.S_IFSOCK: dataplane.TypeSocket,
	unix.S_IFLNK: dataplane.TypeSymlink,
}

// printTree prints what is in each directory of a tree, as the system has it.
func printTree(root string) error {
	dirs := map[string][]listed{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		l := listed{
			Name: []byte(d.Name()), Target: []byte{}, Type: types[st.Mode&unix.S_IFMT], Mode: fmt.Sprintf("%04o", st.Mode&0o7777),
			UID: st.Uid, GID: st.Gid, Size: st.Size, MTime: time.Unix(st.Mtim.Sec, st.Mtim.Nsec).UnixNano(),
		}
		switch l.Type {
		case dataplane.TypeDir:
			l.Size = -1
		case dataplane.TypeBlock, dataplane.TypeChar:
			l.Rdev = fmt.Sprintf("%d,%d", unix.Major(st.Rdev), unix.Minor(st.Rdev))
		case dataplane.TypeSymlink:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			l.Target = []byte(target)
		}
		dirs[filepath.Dir(path)] = append(dirs[filepath.Dir(path)], l)
		return nil
	})
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(dirs)
}

// printData prints the size of a file and where it has which bytes other than
// zero. It passes over holes, as far as the filesystem tells of them: an
// emulated processor takes minutes to read 5 GB of zeros.
func printData(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	fmt.Println(info.Size())
	block := make([]byte, 1<<20)
	for at := int64(0); ; {
		// From where data begins again; ENXIO when there is none any more.
		if at, err = f.Seek(at, unix.SEEK_DATA); errors.Is(err, unix.ENXIO) {
			return nil
		} else if err != nil {
			return err
		}
		n, err := f.ReadAt(block, at)
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		if word := bytes.Trim(block[:n], "\x00"); len(word) > 0 {
			fmt.Printf("%d %q\n", at+int64(bytes.Index(block[:n], word)), word)
		}
		at += int64(n)
	}
}
