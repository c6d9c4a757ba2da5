package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
)

func TestOneAddressBearsSoMany(t *testing.T) {
	t.Parallel()
	var l limiter
	shared, other := Plan{Address: "10.0.0.1"}, Plan{Address: "10.0.0.2"}
	var free func()
	for range perAddress {
		var ok bool
		free, ok = l.take(shared)
		require.True(t, ok)
	}
	_, ok := l.take(shared)
	require.False(t, ok, "one more than the address bears")
	_, ok = l.take(other)
	require.True(t, ok, "another address is not concerned")
	free()
	free() // giving back twice gives back once
	_, ok = l.take(shared)
	require.True(t, ok)
	_, ok = l.take(shared)
	require.False(t, ok)
}

func TestOneJumpHostBearsSoMany(t *testing.T) {
	t.Parallel()
	var l limiter
	behind := func(address string) Plan {
		p := Plan{Address: address}
		p.Policy.JumpHost = policy.Value[string]{Value: "gate"}
		return p
	}
	for _, address := range []string{"a", "b"} {
		_, ok := l.take(behind(address))
		require.True(t, ok)
	}
	_, ok := l.take(behind("c"))
	require.False(t, ok)
	_, ok = l.take(Plan{Address: "c"})
	require.True(t, ok, "a refused place is not counted")
}
