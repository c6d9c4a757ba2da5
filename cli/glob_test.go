package cli

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestGlob(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		pattern, name string
		matches       bool
	}{
		{"*", "acme", true},
		{"*", "", true},
		{"tank/*", "tank/a/b", true},
		{"web?", "web1", true},
		{"web?", "web", false},
		{"web[0-3]", "web2", true},
		{"web[!0-3]", "web2", false},
		{"web[!0-3]", "web7", true},
		{"web", "web1", false},
		{"a.b", "axb", false},
		{"a[b", "a[b", true},
		{"é*", "één", true},
	} {
		match, err := glob(c.pattern)
		require.NoError(t, err, c.pattern)
		require.Equal(t, c.matches, match(c.name), "%s %s", c.pattern, c.name)
	}
	_, err := glob("[z-a]")
	require.ErrorContains(t, err, "is not a pattern")
}
