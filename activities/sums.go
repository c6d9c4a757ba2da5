package activities

import (
	"fmt"
	"io"
	"path/filepath"

	"planb/internal/rsync"
	"planb/internal/sums"
)

// sumsDir holds the checksums of a host's files that its index has not got yet.
func (s *Storage) sumsDir(p Plan) string { return filepath.Join(s.hostDir(p), "sums") }

// keptSums takes the checksums of one transfer. A backup is worth as much
// without them, so that they cannot be kept is told in the log and no more.
type keptSums struct {
	w   *sums.Writer
	log io.Writer
	now func() string
}

// keepSums begins to keep them. The caller has the lock of the dataset.
func (s *Storage) keepSums(p Plan, log io.Writer) *keptSums {
	k := &keptSums{log: log, now: s.stamp}
	var err error
	if k.w, err = sums.Append(s.sumsDir(p)); err != nil {
		k.complain(err)
	}
	return k
}

func (k *keptSums) add(s rsync.Sum) {
	if k.w != nil {
		k.w.Add(s.Path, sums.Sum{Size: s.Size, MTimeUnix: s.MTime, Hex: s.Hex})
	}
}

func (k *keptSums) close() {
	if k.w == nil {
		return
	}
	if err := k.w.Close(); err != nil {
		k.complain(err)
	}
}

func (k *keptSums) complain(err error) {
	fmt.Fprintf(k.log, "%s the checksums of what is transferred are not kept: %v\n", k.now(), err)
}

// sealSums says which snapshot will have what was transferred until now. Left
// undone, they are taken for those of the next one, as far as files are still the
// same. The caller has the lock of the dataset.
func (s *Storage) sealSums(p Plan, snapshot string) {
	if err := sums.Seal(s.sumsDir(p), snapshot); err != nil {
		s.Log.Warn("the checksums of a snapshot were not kept", "dataset", p.Dataset, "snapshot", snapshot, "error", err)
	}
}
