package activities

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestCleanRunsKeepsWhatIsYoung(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	s := &Storage{State: t.TempDir(), Now: func() time.Time { return now }}
	require.NoError(t, s.CleanRuns(), "nothing there yet")
	require.NoError(t, os.Mkdir(s.RunsDir(), 0o700))
	for name, age := range map[string]time.Duration{
		"young.log": keepLogs - time.Hour, "old.log": keepLogs + time.Hour,
		"young.pull.json": keepResults - time.Hour, "old.pull.json": keepResults + time.Hour, ".new-123": keepResults + time.Hour,
	} {
		path := filepath.Join(s.RunsDir(), name)
		require.NoError(t, os.WriteFile(path, []byte("x"), 0o600))
		require.NoError(t, os.Chtimes(path, now, now.Add(-age)))
	}
	require.NoError(t, s.CleanRuns())
	left, err := os.ReadDir(s.RunsDir())
	require.NoError(t, err)
	var names []string
	for _, e := range left {
		names = append(names, e.Name())
	}
	require.Equal(t, []string{"young.log", "young.pull.json"}, names)
}
