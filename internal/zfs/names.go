package zfs

import (
	"fmt"
	"regexp"
	"strings"
)

// maxName is ZFS's limit for dataset@snapshot, in bytes (ZFS_MAX_DATASET_NAME_LEN
// less its closing NUL).
const maxName = 255

var (
	component  = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.:-]*$`)
	holdTag    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:-]{0,63}$`)
	nativeProp = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)
)

// checkDataset refuses what is not a plain name of a filesystem: nothing that
// passes can name a snapshot, a range of them, a bookmark, or an option.
func checkDataset(name string) error {
	if name == "" || len(name) > maxName {
		return fmt.Errorf("%q is not a ZFS dataset name: it must have 1 to %d characters", name, maxName)
	}
	for part := range strings.SplitSeq(name, "/") {
		if !component.MatchString(part) || strings.Contains(part, "..") || part == "." {
			return fmt.Errorf("%q is not a ZFS dataset name: use parts of letters, digits, '_', '-', '.' and ':' separated by '/', such as tank/BACKUP", name)
		}
	}
	return nil
}

// checkSnapshot refuses what is not the plain name of one snapshot. It is what
// stands between `zfs destroy` and a dataset: with it dataset@snap is always a
// snapshot, and never a list, a range or an option.
func checkSnapshot(dataset, snap string) error {
	if err := checkDataset(dataset); err != nil {
		return err
	}
	if !component.MatchString(snap) || len(dataset)+1+len(snap) > maxName {
		return fmt.Errorf("%q is not a snapshot name: use letters, digits, '_', '-', '.' and ':', such as daily-202611230130", snap)
	}
	return nil
}

// checkTarget accepts a dataset, or a snapshot as dataset@snap.
func checkTarget(name string) error {
	if dataset, snap, ok := strings.Cut(name, "@"); ok {
		return checkSnapshot(dataset, snap)
	}
	return checkDataset(name)
}

// parentOf is the dataset that name lies in; empty for a pool.
func parentOf(name string) string {
	i := strings.LastIndexByte(name, '/')
	if i < 0 {
		return ""
	}
	return name[:i]
}

// poolOf is the pool that name lies in.
func poolOf(name string) string {
	pool, _, _ := strings.Cut(name, "/")
	pool, _, _ = strings.Cut(pool, "@")
	return pool
}
