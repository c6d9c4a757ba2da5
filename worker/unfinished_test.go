package worker

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
)

// told remembers for which tasks it was told an end, and answers as it is told.
type told struct {
	tokens []string
	answer error
}

func (c *told) CompleteActivity(_ context.Context, token []byte, _ any, err error) error {
	if err == nil {
		return errors.New("a killed worker has no result")
	}
	c.tokens = append(c.tokens, string(token))
	return c.answer
}

func notesIn(dir string) *unfinished {
	return &unfinished{dir: dir, log: slog.New(slog.DiscardHandler)}
}

func left(t *testing.T, dir string) int {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	return len(entries)
}

func TestTasksOfDeadProcessesAreGivenUp(t *testing.T) {
	t.Parallel()
	u := notesIn(t.TempDir())
	dead, err := u.write([]byte("dead"))
	require.NoError(t, err)
	living, err := u.write([]byte("living"))
	require.NoError(t, err)
	defer living.Close()
	require.NoError(t, dead.Close()) // as its end would
	var c told
	require.NoError(t, u.giveUp(t.Context(), &c))
	require.Equal(t, []string{"dead"}, c.tokens)
	require.Equal(t, 1, left(t, u.dir))
}

// A task that Temporal knows no more is done with; one that it could not be
// told about is tried at the next start.
func TestAnswersToGivingUp(t *testing.T) {
	t.Parallel()
	u := notesIn(t.TempDir())
	note, err := u.write([]byte("task"))
	require.NoError(t, err)
	require.NoError(t, note.Close())
	away := serviceerror.NewUnavailable("away")
	require.ErrorIs(t, u.giveUp(t.Context(), &told{answer: away}), away)
	require.Equal(t, 1, left(t, u.dir))
	require.NoError(t, u.giveUp(t.Context(), &told{answer: serviceerror.NewNotFound("timed out long ago")}))
	require.Zero(t, left(t, u.dir))
}
