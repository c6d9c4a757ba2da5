package activities

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/index"
	"planb/internal/policy"
	"planb/internal/sums"
	"planb/internal/zfs"
)

// The checksums of a transfer go into the index with the snapshot that has the
// files, and wait no more then; so do those of a snapshot that was removed before
// it was indexed.
func TestIndexTakesTheChecksums(t *testing.T) {
	t.Parallel()
	s := newStorageServer(t, policy.Settings{})
	s.Indexes = s.NewIndexes()
	t.Cleanup(s.Indexes.Close)
	d, err := s.ZFS.Dataset(t.Context(), s.plan.Dataset)
	require.NoError(t, err)
	at := time.Unix(1e9, 0)
	transfer := func(name, hex, snapshot string) {
		full := filepath.Join(d.Mountpoint, DataDir, name)
		require.NoError(t, os.WriteFile(full, []byte(name), 0o644))
		require.NoError(t, os.Chtimes(full, at, at))
		w, err := sums.Append(s.sumsDir(s.plan))
		require.NoError(t, err)
		w.Add("/"+name, sums.Sum{Size: int64(len(name)), MTimeUnix: at.Unix(), Hex: hex})
		require.NoError(t, w.Close())
		do[any](s, s.Snapshot, SnapshotInput{Plan: s.plan, Name: snapshot, State: policy.StateOK, Data: filepath.Join(d.Mountpoint, DataDir)})
	}
	transfer("lost", "aa01", "daily-202611200130")
	_, err = s.ZFS.DestroySnapshots(t.Context(), s.plan.Dataset, []string{"daily-202611200130"})
	require.NoError(t, err)
	transfer("file", "bb02", "daily-202611210130")
	waiting, err := sums.Sealed(s.sumsDir(s.plan))
	require.NoError(t, err)
	require.Len(t, waiting, 2)

	for range 2 { // an activity may run twice
		require.Equal(t, Indexed{Snapshots: 1, Indexed: 1}, do[Indexed](s, s.Index, s.plan))
	}
	require.NoError(t, s.Indexes.Read(t.Context(), s.plan.Dataset, time.Minute, func(x *index.Index, _ index.Progress) error {
		for path, hex := range map[string]string{"/lost": "aa01", "/file": "bb02"} {
			f, err := x.Lookup(t.Context(), "daily-202611210130", path)
			require.NoError(t, err)
			require.Equal(t, hex, f.Sum, path)
		}
		return nil
	}))
	waiting, err = sums.Sealed(s.sumsDir(s.plan))
	require.NoError(t, err)
	require.Empty(t, waiting)
	require.NoError(t, s.ZFS.SetProps(t.Context(), s.plan.Dataset+"@daily-202611210130", map[string]string{zfs.PropState: policy.StateSuspect}))
	s.TendIndexes(t.Context())
	require.NoError(t, s.Indexes.Read(t.Context(), s.plan.Dataset, 0, func(x *index.Index, _ index.Progress) error {
		list, err := x.Snapshots(t.Context())
		require.Equal(t, policy.StateSuspect, list[0].State)
		return err
	}))
}
