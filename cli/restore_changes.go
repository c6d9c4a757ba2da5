package cli

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/rsync"
)

// printChanges lists what a dry run found, from the log of the run.
func (a *app) printChanges(ctx context.Context, c *ucli.Context, store reads, r catalog.Run) error {
	changes, err := a.changesOf(ctx, c, store, r)
	if err != nil {
		return err
	}
	if err := list(a, c, changes, "ACTION SIZE PATH", func(ch rsync.RestoredPath) []string {
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
func (a *app) changesOf(ctx context.Context, c *ucli.Context, store reads, r catalog.Run) ([]rsync.RestoredPath, error) {
	files, err := a.logOf(ctx, c, store, r)
	if err != nil {
		return nil, dataError(err)
	}
	var text bytes.Buffer
	ended := func(context.Context) (bool, error) { return true, nil }
	if err := copyLog(ctx, files, r.ID, false, ended, &text); err != nil {
		return nil, dataError(err)
	}
	changes := []rsync.RestoredPath{}
	for line := range strings.Lines(text.String()) {
		if ch, ok := rsync.ParseRestoredPath(strings.TrimSuffix(line, "\n")); ok {
			changes = append(changes, ch)
		}
	}
	return changes, nil
}
