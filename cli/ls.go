package cli

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/dataplane"
	"planb/internal/ident"
)

func (a *app) lsCommand() *ucli.Command {
	return &ucli.Command{
		Name: "ls", Usage: "list the files of a snapshot", ArgsUsage: "HOST[@SNAP] [PATH]",
		Description: "PATH is as it was on the host, e.g. /etc/nginx; without it the root. Without SNAP it\n" +
			"is the newest good snapshot; a date as in @2026-11-20 is the last one up to the end\n" +
			"of that day, in the host's time zone. Links are shown, not followed. Names that are\n" +
			"not printable are escaped; --json has their bytes in name_b64 and path_b64.",
		Flags: []ucli.Flag{jsonFlag()}, Action: a.ls,
	}
}

func (a *app) ls(c *ucli.Context) error {
	if n := c.Args().Len(); n < 1 || n > 2 {
		return usagef("say which files to list: planb ls HOST[@SNAP] [PATH]")
	}
	target, err := ident.ParseHostSnap(c.Args().First())
	if err != nil {
		return usageError(err)
	}
	path := "/"
	if c.Args().Len() == 2 {
		path = c.Args().Get(1)
	}
	ctx, store, err := a.reads(c)
	if err != nil {
		return err
	}
	host, err := store.Host(ctx, target.Host)
	if err != nil {
		return err
	}
	snap, err := chooseSnapshot(ctx, store, target)
	if err != nil {
		return err
	}
	files, err := a.reader(ctx, c, store, host)
	if err != nil {
		return err
	}
	at := dataplane.At{Dataset: host.Dataset, Snap: snap, Path: path}
	show := showFiles
	if c.Bool("json") {
		show = showFilesJSON
	}
	w := bufio.NewWriter(a.stdout)
	err = show(w, path, files.List(ctx, at))
	return dataError(errors.Join(err, w.Flush()))
}

// showFiles prints entries as they come: a directory may be larger than memory.
func showFiles(w io.Writer, path string, entries iter.Seq2[dataplane.Entry, error]) error {
	head := false
	for e, err := range entries {
		if err != nil {
			return err
		}
		if !head {
			head = true
			fmt.Fprintf(w, "%-10s  %-11s  %10s  %-21s  %s\n", "MODE", "OWNER", "SIZE", "MODIFIED", "NAME")
		}
		name := e.Name
		if e.RawPath() == path {
			name = e.Path
		}
		if e.LinkTarget != nil {
			name += " -> " + *e.LinkTarget
		}
		if e.Error != nil {
			name += " (" + *e.Error + ")"
		}
		bytes := size(e.Size)
		if e.Rdev != nil {
			bytes = *e.Rdev
		}
		if _, err := fmt.Fprintf(w, "%s  %-11s  %10s  %-21s  %s\n", e.Permissions(), fmt.Sprintf("%d:%d", e.UID, e.GID), bytes, when(&e.MTime), name); err != nil {
			return err
		}
	}
	return nil
}

// showFilesJSON prints an array with one entry a line; one that broke off is no
// valid JSON.
func showFilesJSON(w io.Writer, _ string, entries iter.Seq2[dataplane.Entry, error]) error {
	between := "[\n"
	for e, err := range entries {
		if err != nil {
			return err
		}
		text, err := json.Marshal(e)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s%s", between, text); err != nil {
			return err
		}
		between = ",\n"
	}
	end := "\n]\n"
	if between == "[\n" {
		end = "[]\n"
	}
	_, err := io.WriteString(w, end)
	return err
}
