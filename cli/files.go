package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/dataplane"
	"planb/internal/ident"
	"planb/web/api"
)

// hostFiles is the way to the files of one host.
type hostFiles struct {
	files
	store reads
	host  catalog.Host
}

// filesOf opens the way to the files of a host.
func (a *app) filesOf(c *ucli.Context, name ident.Host) (context.Context, hostFiles, error) {
	ctx, store, err := a.reads(c)
	if err != nil {
		return nil, hostFiles{}, err
	}
	host, err := store.Host(ctx, name)
	if err != nil {
		return nil, hostFiles{}, err
	}
	files, err := a.reader(ctx, c, store, host)
	return ctx, hostFiles{files: files, store: store, host: host}, err
}

// choose gives the name of the snapshot that a person means by text.
func (f hostFiles) choose(ctx context.Context, text string) (string, error) {
	target, err := ident.ParseHostSnap(f.host.Ident().String() + "@" + text)
	if err != nil {
		return "", usageError(err)
	}
	return chooseSnapshot(ctx, f.store, target)
}

// printer prints what comes in one by one, as lines or as JSON.
type printer[T any] struct {
	w    *bufio.Writer
	json bool
	// head is printed before the first line.
	head string
	line func(io.Writer, T) error
	some bool
}

func newPrinter[T any](a *app, c *ucli.Context, head string, line func(io.Writer, T) error) *printer[T] {
	return &printer[T]{w: bufio.NewWriter(a.stdout), json: c.Bool("json"), head: head, line: line}
}

func (p *printer[T]) print(v T) error {
	first := !p.some
	p.some = true
	if !p.json {
		if first && p.head != "" {
			fmt.Fprintln(p.w, p.head)
		}
		return p.line(p.w, v)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	between := ",\n"
	if first {
		between = "[\n"
	}
	_, err = fmt.Fprintf(p.w, "%s%s", between, text)
	return err
}

// end ends what was printed; an array that broke off stays open, and so is no
// valid JSON.
func (p *printer[T]) end(err error) error {
	switch {
	case err != nil:
	case p.json && p.some:
		fmt.Fprint(p.w, "\n]\n")
	case p.json:
		fmt.Fprintln(p.w, "[]")
	}
	if ferr := p.w.Flush(); err == nil {
		err = ferr
	}
	return dataError(err)
}

// notWhole says what an answer leaves out: it is printed, and yet not all.
func notWhole(answer dataplane.Answer, limit limit) error {
	if n := len(answer.Missing); n > 0 {
		names := strings.Join(answer.Missing[:min(n, 3)], ", ")
		if n > 3 {
			names += fmt.Sprintf(" and %d more", n-3)
		}
		return fmt.Errorf("this is of %d of %d snapshots: not indexed yet are %s; ask again in a while", answer.Indexed, answer.Snapshots, names)
	}
	if answer.More {
		return fmt.Errorf("these are the first %d, and there are more: %s", limit.n, limit.remedy())
	}
	return nil
}

// limit bounds what is printed.
type limit struct {
	n int
	// most is the largest that can be asked for the way the command works.
	most int
}

// remedy says how to see what is left out.
func (l limit) remedy() string {
	switch {
	case l.n < l.most:
		return fmt.Sprintf("ask for less, or say a larger --limit, up to %d", l.most)
	case l.most < dataplane.MaxIndexLimit:
		return fmt.Sprintf("ask for less, or without --server where the database is, which gives up to %d", dataplane.MaxIndexLimit)
	}
	return "ask for less"
}

func limitFlag() ucli.Flag {
	usage := fmt.Sprintf("print no more than `N`; through --server no more than %d", api.MostFound)
	return &ucli.IntFlag{Name: "limit", Usage: usage, Value: dataplane.MaxIndexLimit}
}

func (a *app) limitOf(c *ucli.Context) (limit, error) {
	l, where := limit{c.Int("limit"), dataplane.MaxIndexLimit}, ""
	if a.serverURL(c) != "" {
		l.most, where = api.MostFound, " through --server"
		if !c.IsSet("limit") {
			l.n = l.most
		}
	}
	if l.n < 1 || l.n > l.most {
		return l, usagef("--limit is a number between 1 and %d%s", l.most, where)
	}
	return l, nil
}

// nameOf gives a snapshot with its state, where that is one to know about.
func nameOf(s dataplane.SnapshotRef) string {
	if s.State == nil || *s.State == "ok" || *s.State == "warning" {
		return s.Snapshot
	}
	return s.Snapshot + " (" + *s.State + ")"
}

// withTarget gives a path with what a link points to.
func withTarget(f dataplane.FileVersion) string {
	if f.LinkTarget != nil {
		return f.Path + " -> " + *f.LinkTarget
	}
	return f.Path
}

func owner(f dataplane.FileVersion) string { return fmt.Sprintf("%d:%d", f.UID, f.GID) }

// extent gives the size of a file, or what stands for it.
func extent(f *dataplane.FileVersion) string {
	switch {
	case f == nil:
		return "-"
	case f.Rdev != nil:
		return *f.Rdev
	}
	return sizePtr(f.Size)
}
