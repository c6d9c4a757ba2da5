package tree

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/sys/unix"
)

// Attrs are the extended attributes and ACLs that a file had on the host.
type Attrs struct {
	// Xattrs gives values by name, namespace included.
	Xattrs map[string]string
	// Access and Default are the ACLs in the text form that getfacl and tar
	// share, with numeric ids; empty where there is none.
	Access, Default string
}

// Attrs reads the attributes of the file name of d, of which m is known.
func (d *Dir) Attrs(name string, m Meta) (Attrs, error) {
	p := d.proc(name)
	list, err := growing(func(buf []byte) (int, error) { return unix.Llistxattr(p, buf) })
	if errors.Is(err, unix.ENOTSUP) {
		return Attrs{}, nil
	}
	if err != nil {
		return Attrs{}, fmt.Errorf("list extended attributes: %w", err)
	}
	var a Attrs
	for stored := range strings.SplitSeq(string(list), "\x00") {
		if stored == "" {
			continue
		}
		v, err := growing(func(buf []byte) (int, error) { return unix.Lgetxattr(p, stored, buf) })
		if errors.Is(err, unix.ENODATA) || errors.Is(err, unix.ENOTSUP) {
			continue
		}
		if err != nil {
			return Attrs{}, fmt.Errorf("read extended attribute %s: %w", stored, err)
		}
		if isDefault, text, ok := aclOf(stored, v, m.Mode); ok {
			if isDefault {
				a.Default = text
			} else {
				a.Access = text
			}
		} else if onHost, ok := hostAttr(stored); ok {
			if a.Xattrs == nil {
				a.Xattrs = map[string]string{}
			}
			a.Xattrs[onHost] = string(v)
		}
	}
	return a, nil
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
