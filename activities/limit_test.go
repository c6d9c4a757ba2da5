package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
)

const perAddress = 2

func TestOneAddressBearsSoMany(t *testing.T) {
	t.Parallel()
	var l limiter
	shared, other := Plan{Address: "10.0.0.1"}, Plan{Address: "10.0.0.2"}
	var free func()
	for range perAddress {
		var ok bool
		free, ok = l.take(shared, perAddress)
		require.True(t, ok)
	}
	_, ok := l.take(shared, perAddress)
	require.False(t, ok, "one more than the address bears")
	_, ok = l.take(other, perAddress)
	require.True(t, ok, "another address is not concerned")
	free()
	free() // giving back twice gives back once
	_, ok = l.take(shared, perAddress)
	require.True(t, ok)
	_, ok = l.take(shared, perAddress)
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
		_, ok := l.take(behind(address), perAddress)
		require.True(t, ok)
	}
	_, ok := l.take(behind("c"), perAddress)
	require.False(t, ok)
	_, ok = l.take(Plan{Address: "c"}, perAddress)
	require.True(t, ok, "a refused place is not counted")
}
