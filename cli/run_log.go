package cli

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/dataplane"
	"planb/internal/policy"
	"planb/internal/tree"
)

// followWait is how long a follower waits for more of a log before it looks
// whether the run is over.
const followWait = 5 * time.Second

func (a *app) runLogCommand() *ucli.Command {
	return &ucli.Command{
		Name: "log", Usage: "print the log of a run, from the server that ran it", ArgsUsage: "RUN",
		Flags: []ucli.Flag{
			&ucli.BoolFlag{Name: "follow", Aliases: []string{"f"}, Usage: "go on until the run ends"},
		},
		Action: a.runLog,
	}
}

func (a *app) runLog(c *ucli.Context) error {
	if c.Args().Len() != 1 {
		return usagef("name one run, by its id or the beginning of it: see planb runs")
	}
	ctx, store, err := a.reads(c)
	if err != nil {
		return err
	}
	run, err := store.Run(ctx, c.Args().First())
	if err != nil {
		return err
	}
	files, err := a.logOf(ctx, c, store, run)
	if err != nil {
		return dataError(err)
	}
	ended := func(ctx context.Context) (bool, error) {
		r, err := store.Run(ctx, run.ID)
		return policy.IsFinal(r.State), err
	}
	w := &logWriter{w: bufio.NewWriter(a.stdout)}
	err = copyLog(ctx, files, run.ID, c.Bool("follow"), ended, w)
	return dataError(errors.Join(err, w.Close()))
}

// logOf finds what gives the log of a run.
func (a *app) logOf(ctx context.Context, c *ucli.Context, from reads, run catalog.Run) (logs, error) {
	store, local := from.(*catalog.Store)
	if !local {
		return a.remote(c)
	}
	r, err := a.readers(c, store)
	if err != nil {
		return nil, err
	}
	return r.OfLog(ctx, run, actor())
}

// copyLog copies the log of a run to w; to follow means until the run has ended.
func copyLog(ctx context.Context, files logs, run string, follow bool, ended func(context.Context) (bool, error), w io.Writer) error {
	for offset := int64(0); ; {
		// Asked before the log is read, so that its last lines are not missed.
		over, wait := true, time.Duration(0)
		if follow {
			var err error
			if over, err = ended(ctx); err != nil {
				return err
			}
			if !over {
				wait = followWait
			}
		}
		part, err := files.Log(ctx, run, offset, wait)
		if errors.Is(err, dataplane.ErrNotFound) && !over {
			continue
		}
		if err != nil {
			return err
		}
		if _, err := w.Write(part.Data); err != nil {
			return err
		}
		offset = part.Next
		if over && len(part.Data) == 0 {
			return nil
		}
	}
}

// logWriter makes what a log quotes from a host harmless for a terminal, line
// by line, and shows each part as it comes.
type logWriter struct {
	w    *bufio.Writer
	rest []byte
}

func (l *logWriter) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		i := bytes.IndexByte(l.rest, '\n')
		if i < 0 {
			return len(p), l.w.Flush()
		}
		l.line(l.rest[:i])
		_ = l.w.WriteByte('\n')
		l.rest = l.rest[i+1:]
	}
}

func (l *logWriter) line(text []byte) {
	for i, field := range strings.Split(string(text), "\t") {
		if i > 0 {
			_ = l.w.WriteByte('\t')
		}
		shown, _ := tree.Escape(field)
		_, _ = l.w.WriteString(shown)
	}
}

// Close writes a last line that has no end.
func (l *logWriter) Close() error {
	l.line(l.rest)
	l.rest = nil
	return l.w.Flush()
}
