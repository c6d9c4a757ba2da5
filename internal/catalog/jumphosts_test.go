package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
)

func TestJumpHostKeysAreSharedByAllUsersOfIt(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	keys, err := s.JumpHostKeys(t.Context(), "me@jump.example:2222")
	require.NoError(t, err)
	require.Empty(t, keys)
	want := []string{"ssh-ed25519 AAAA"}
	for range 2 {
		require.NoError(t, s.PinJumpHostKeys(t.Context(), "me@jump.example:2222", want))
	}
	keys, err = s.JumpHostKeys(t.Context(), "jump.example:2222")
	require.NoError(t, err)
	require.Equal(t, want, keys)
	keys, err = s.JumpHostKeys(t.Context(), "jump.example")
	require.NoError(t, err)
	require.Empty(t, keys)
	require.True(t, catalog.IsRefused(s.PinJumpHostKeys(t.Context(), "you@jump.example:2222", []string{"ssh-ed25519 BBBB"})))
	for range 2 {
		require.NoError(t, s.ForgetJumpHostKeys(t.Context(), "jump.example:2222"))
	}
	require.NoError(t, s.PinJumpHostKeys(t.Context(), "[2001:db8::1]:22", want))
	require.Error(t, s.PinJumpHostKeys(t.Context(), "-oX", want))
}
