package activities

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/ident"
	"planb/internal/policy"
	"planb/internal/rsync"
	"planb/internal/zfs"
)

func (s *storageServer) claimed() ClaimedHost {
	return ClaimedHost{
		HostID: s.plan.HostID, Host: web1, Server: "store1", Storage: s.plan.Storage, Dataset: s.plan.Dataset,
		Made: true, MoveTo: s.plan.Storage + "/emca/www",
	}
}

// props gives the properties of a dataset; nil when it is not there.
func (s *storageServer) props(dataset string) map[string]string {
	s.t.Helper()
	d, err := s.ZFS.Dataset(s.t.Context(), dataset)
	if err != nil {
		require.ErrorIs(s.t, err, zfs.ErrNotExist)
		return nil
	}
	return d.Props
}

func TestMoveDataset(t *testing.T) {
	t.Parallel()
	s := newStorageServer(t, policy.Settings{})
	host := s.claimed()
	www := ident.Host{Group: "emca", Name: "www"}
	in := MoveDatasetInput{Host: host, Name: www, From: host.Dataset, To: host.MoveTo}

	d, err := s.ZFS.Dataset(t.Context(), host.Dataset)
	require.NoError(t, err)
	lock, err := rsync.TryLock(filepath.Join(d.Mountpoint, DataDir))
	require.NoError(t, err)
	_, err = try[string](s, s.MoveDataset, in)
	require.Equal(t, ErrTypeLocked, ErrType(err), "a transfer writes to it: %v", err)
	require.NoError(t, lock.Close())

	for range 2 { // as after a crash right after the rename
		require.Equal(t, host.MoveTo, do[string](s, s.MoveDataset, in))
	}
	require.Nil(t, s.props(host.Dataset))
	require.Equal(t, "emca/www", s.props(host.MoveTo)[zfs.PropName])

	// The catalog was not told, and the host is backed up under its old name:
	// nothing is pulled to an empty dataset.
	_, err = try[Prepared](s, s.Prepare, s.plan)
	require.ErrorContains(t, err, "the files of acme/web1 are in the dataset "+host.MoveTo)
	require.Nil(t, s.props(host.Dataset))

	// Back, to a place that another dataset took meanwhile: it stays.
	_, _, err = s.ZFS.EnsureDataset(t.Context(), host.Dataset, nil)
	require.NoError(t, err)
	back := MoveDatasetInput{Host: host, Name: web1, From: host.MoveTo, To: host.Dataset}
	require.Equal(t, host.MoveTo, do[string](s, s.MoveDataset, back))
	require.Equal(t, "acme/web1", s.props(host.MoveTo)[zfs.PropName])

	gone := in
	gone.From, gone.To = s.plan.Storage+"/acme/x", s.plan.Storage+"/acme/y"
	_, err = try[string](s, s.MoveDataset, gone)
	require.ErrorContains(t, err, "is not there")
	gone.Host.Storage = s.plan.Storage + "_not_imported"
	_, err = try[string](s, s.MoveDataset, gone)
	require.Equal(t, ErrTypeStorage, ErrType(err), "that a pool is away says nothing about what is on it")
}

func TestRemovedData(t *testing.T) {
	t.Parallel()
	s := newStorageServer(t, policy.Settings{})
	host := s.claimed()
	left := RemovedData{Host: host, Removed: s.now, Expires: s.now.Add(time.Hour)}
	require.NoError(t, os.WriteFile(filepath.Join(do[Prepared](s, s.Prepare, s.plan).Data, "file"), []byte("text"), 0o600))
	for _, name := range []string{"daily-202611220130", "daily-202611230130"} {
		_, _, err := s.ZFS.TakeSnapshot(t.Context(), host.Dataset, name, nil)
		require.NoError(t, err)
	}

	require.False(t, do[bool](s, s.DestroyRemoved, left), "it was not marked")
	for range 2 {
		require.True(t, do[bool](s, s.MarkRemoved, left))
	}
	list := do[[]StoredDataset](s, s.ListDatasets, "store1")
	require.Len(t, list, 1)
	require.Equal(t, host.Dataset, list[0].Dataset)
	require.True(t, left.Expires.Equal(*list[0].Expires))

	// Another host of the same name does not get it unasked.
	other := s.plan
	other.HostID = "22222222-aaaa-4000-8000-000000000002"
	_, err := try[Prepared](s, s.Prepare, other)
	require.ErrorContains(t, err, "holds the data of acme/web1, which was removed on 2026-11-23")
	require.Contains(t, Remedy(err), "zfs set planb:host="+other.HostID)
	require.NoError(t, s.ZFS.SetProps(t.Context(), host.Dataset, map[string]string{zfs.PropHost: other.HostID}))
	do[Prepared](s, s.Prepare, other)
	require.Empty(t, s.props(host.Dataset)[zfs.PropRemoved])
	require.False(t, do[bool](s, s.DestroyRemoved, left), "it is another host's now")
	require.False(t, do[bool](s, s.MarkRemoved, left))

	left.Host.HostID = other.HostID
	require.True(t, do[bool](s, s.MarkRemoved, left))
	_, err = try[any](s, s.KeepRemoved, left)
	require.NoError(t, err)
	require.False(t, do[bool](s, s.DestroyRemoved, left), "somebody wants it kept")

	require.True(t, do[bool](s, s.MarkRemoved, left))
	require.NoError(t, s.ZFS.Hold(t.Context(), host.Dataset, "daily-202611220130", "planb", "audit"))
	_, err = try[bool](s, s.DestroyRemoved, left)
	require.ErrorContains(t, err, "daily-202611220130 is held")
	require.NoError(t, s.ZFS.Release(t.Context(), host.Dataset, "daily-202611220130", "planb"))
	require.True(t, do[bool](s, s.DestroyRemoved, left))
	require.Nil(t, s.props(host.Dataset))
	require.True(t, do[bool](s, s.DestroyRemoved, left), "done again it tells the same")
	never := left
	never.Removed = left.Removed.Add(time.Second)
	require.False(t, do[bool](s, s.DestroyRemoved, never), "it is gone, and not by this")
}

// A try that came as far as the dataset being in use, after which it was given
// to another host, has destroyed nothing.
func TestDataGivenAwayWasNotDestroyed(t *testing.T) {
	t.Parallel()
	s := newStorageServer(t, policy.Settings{})
	left := RemovedData{Host: s.claimed(), Removed: s.now, Expires: s.now.Add(time.Hour)}
	require.True(t, do[bool](s, s.MarkRemoved, left))
	d, err := s.ZFS.Dataset(t.Context(), s.plan.Dataset)
	require.NoError(t, err)
	require.NoError(t, s.beginToDestroy(left, d))
	require.NoError(t, s.ZFS.SetProps(t.Context(), s.plan.Dataset, map[string]string{zfs.PropHost: "22222222-aaaa-4000-8000-000000000002"}))
	require.False(t, do[bool](s, s.DestroyRemoved, left))
}
