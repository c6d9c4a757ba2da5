package tree

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestAttributesAreThoseOfTheHost(t *testing.T) {
	t.Parallel()
	for stored, want := range map[string]string{
		"user.colour":                    "user.colour",
		"user.rsync.security.capability": "security.capability",
		"user.rsync.trusted.x":           "trusted.x",
		"user.rsync.note":                "user.rsync.note",
		"user.rsync.%stat":               "",
		"user.rsync.%aacl":               "",
		"security.capability":            "security.capability",
	} {
		got, ok := hostAttr(stored)
		require.Equal(t, want != "", ok)
		if ok {
			require.Equal(t, want, got)
		}
	}
}
