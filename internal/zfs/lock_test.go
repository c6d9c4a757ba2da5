package zfs

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLockMounts(t *testing.T) {
	t.Parallel()
	c, other := script(t, ""), New(Options{})
	other.zfsPath = c.zfsPath
	unlock, err := c.LockMounts(t.Context())
	require.NoError(t, err)

	ctx, cancel := context.WithCancel(t.Context())
	got := make(chan error)
	go func() {
		_, err := other.LockMounts(ctx)
		got <- err
	}()
	select {
	case err := <-got:
		t.Fatalf("two hold the lock at once (%v)", err)
	default:
	}
	cancel()
	require.ErrorIs(t, <-got, context.Canceled)

	unlock()
	unlock, err = other.LockMounts(t.Context())
	require.NoError(t, err)
	unlock()
}

func TestWhichCallsMount(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"create", "a"}, {"clone", "a@s", "b"}, {"mount", "a"}, {"rename", "a", "b"}, {"destroy", "a"}, {"set", "mountpoint=/x", "a"}} {
		require.True(t, mounts(args), "%v", args)
	}
	for _, args := range [][]string{{"get", "all"}, {"destroy", "a@s"}, {"snapshot", "a@s"}, {"set", "planb:run=x", "a@s"}, {"inherit", "planb:run", "a@s"}, {"unmount", "a"}} {
		require.False(t, mounts(args), "%v", args)
	}
}
