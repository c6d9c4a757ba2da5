package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
	"planb/internal/sums"
)

func (p *pulling) sum(snapshot, path string) sums.Sum {
	p.t.Helper()
	table, err := sums.Open(p.sumsDir(p.plan), snapshot)
	require.NoError(p.t, err)
	defer table.Close()
	s, _ := table.Lookup(path)
	return s
}

// Checksums of all tries wait for the snapshot that covers them, and for no
// other.
func TestChecksumsWaitForTheSnapshotThatCoversThem(t *testing.T) {
	t.Parallel()
	p := newPulling(t, policy.Settings{})
	p.write(map[string]string{"etc/a": "aa", "etc/new\nline": "old"})
	p.run("first")
	require.Equal(t, policy.StateOK, p.pull().State)
	// A run without a snapshot; what it transferred is not transferred again.
	p.write(map[string]string{"etc/b": "b", "etc/new\nline": "newer"})
	p.run("second")
	require.Equal(t, policy.StateOK, p.pull().State)
	p.snapshot("daily-202611230130")
	p.snapshot("daily-202611230130")

	p.write(map[string]string{"etc/a": "changed"})
	p.run("third")
	require.Equal(t, policy.StateOK, p.pull().State)
	p.snapshot("daily-202611240130")

	for path, text := range map[string]string{"/etc/a": "aa", "/etc/b": "b", "/etc/new\nline": "newer"} {
		p.isSum(p.sum("daily-202611230130", path), text)
	}
	p.isSum(p.sum("daily-202611240130", "/etc/a"), "changed")
	require.Empty(t, p.sum("daily-202611240130", "/etc/b"))
}

func (p *pulling) isSum(s sums.Sum, text string) {
	p.t.Helper()
	c, err := sums.NewChecker(s.Hex)
	require.NoError(p.t, err, "%s: %+v", text, s)
	_, _ = c.Write([]byte(text))
	require.True(p.t, c.Match(), text)
	require.EqualValues(p.t, len(text), s.Size)
}
