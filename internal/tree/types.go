package tree

import "golang.org/x/sys/unix"

// The types of files, in the words that people see.
const (
	TypeBlock   = "block"
	TypeChar    = "char"
	TypeDir     = "dir"
	TypeFIFO    = "fifo"
	TypeFile    = "file"
	TypeSocket  = "socket"
	TypeSymlink = "symlink"
)

// Type gives the word for the type bits of an st_mode, empty if unknown.
func Type(mode uint32) string {
	switch mode & unix.S_IFMT {
	case unix.S_IFBLK:
		return TypeBlock
	case unix.S_IFCHR:
		return TypeChar
	case unix.S_IFDIR:
		return TypeDir
	case unix.S_IFIFO:
		return TypeFIFO
	case unix.S_IFLNK:
		return TypeSymlink
	case unix.S_IFREG:
		return TypeFile
	case unix.S_IFSOCK:
		return TypeSocket
	}
	return ""
}
