package cli

import (
	"bytes"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/rsync"
)

// restoreChange is what a restore does, or would do, to one path.
type restoreChange struct {
	// Action is new, overwritten, kept or deleted.
	Action string `json:"action"`
	// Path ends in a slash for a directory; what is not printable in it is
	// escaped.
	Path string `json:"path"`
	// SizeBytes is that of the file in the snapshot.
	SizeBytes int64 `json:"size_bytes"`
}

// printChanges lists what a dry run found, from the log of the run.
func (a *app) printChanges(ctx context.Context, c *ucli.Context, store *catalog.Store, r catalog.Run) error {
	changes, err := a.changesOf(ctx, c, store, r)
	if err != nil {
		return err
	}
	if err := list(a, c, changes, "ACTION SIZE PATH", func(ch restoreChange) []string {
		return []string{ch.Action, size(ch.SizeBytes), ch.Path}
	}); err != nil {
		return err
	}
	n, total := restoredCounts(r), int64(len(changes))
	if all := n.New + n.Overwritten + n.Kept + n.Deleted; all > total {
		fmt.Fprintf(a.stderr, "%d more are not listed\n", all-total)
	}
	if !c.Bool("json") {
		fmt.Fprintln(a.stderr, r.Message)
	}
	return nil
}

// changesOf reads the changes out of the log of a restore.
func (a *app) changesOf(ctx context.Context, c *ucli.Context, store *catalog.Store, r catalog.Run) ([]restoreChange, error) {
	read, err := a.readers(c, store)
	if err != nil {
		return nil, err
	}
	files, err := read.OfLog(ctx, r, actor())
	if err != nil {
		return nil, dataError(err)
	}
	var text bytes.Buffer
	ended := func(context.Context) (bool, error) { return true, nil }
	if err := copyLog(ctx, files, r.ID, false, ended, &text); err != nil {
		return nil, dataError(err)
	}
	changes := []restoreChange{}
	for line := range strings.Lines(text.String()) {
		if ch, ok := parseChange(strings.TrimSuffix(line, "\n")); ok {
			changes = append(changes, ch)
		}
	}
	return changes, nil
}

// parseChange reads a line "time action size path" of a restore's log; every
// other line is none.
func parseChange(line string) (restoreChange, bool) {
	at, rest, _ := strings.Cut(line, " ")
	action, rest, _ := strings.Cut(rest, " ")
	number, path, ok := strings.Cut(rest, " ")
	switch action {
	case rsync.ActionNew, rsync.ActionOverwritten, rsync.ActionKept, rsync.ActionDeleted:
	default:
		return restoreChange{}, false
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if _, timeErr := time.Parse(time.RFC3339, at); !ok || err != nil || timeErr != nil {
		return restoreChange{}, false
	}
	return restoreChange{Action: action, Path: path, SizeBytes: n}, true
}
