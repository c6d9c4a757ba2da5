package cli

import (
	"fmt"
	"io"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/dataplane"
	"planb/internal/tarball"
	"planb/workflows"
)

// streamTar writes an archive to standard output, straight from the storage
// server that has the files.
func (a *app) streamTar(c *ucli.Context, in workflows.RestoreInput) error {
	ctx, store, err := a.reads(c)
	if err != nil {
		return err
	}
	host, err := store.Host(ctx, in.Host)
	if err != nil {
		return err
	}
	files, err := a.reader(ctx, c, store, host)
	if err != nil {
		return err
	}
	// Who takes files away is on record before the first of them leaves.
	// Through the API the server sees to that.
	if known, local := store.(*catalog.Store); local {
		if err := known.NoteAccess(ctx, "host.archive", in.Host.String(), map[string]any{"snapshot": in.Snapshot, "paths": in.Paths.Shown()}); err != nil {
			return err
		}
	}
	format := tarball.Plain
	if c.Bool("zstd") {
		format = tarball.Zstd
	}
	r, err := files.Archive(ctx, dataplane.At{Dataset: host.Dataset, Snap: in.Snapshot}, format, in.Paths...)
	if err != nil {
		return dataError(err)
	}
	defer r.Close()
	meter := &meter{app: a, began: time.Now()}
	_, err = io.Copy(a.stdout, io.TeeReader(r, meter))
	meter.clear()
	if err != nil {
		return fmt.Errorf("the archive is not whole: %w", err)
	}
	return nil
}

// meter shows on a terminal how much of an archive has come.
type meter struct {
	app   *app
	began time.Time
	drawn time.Time
	n     int64
}

// Write counts.
func (m *meter) Write(p []byte) (int, error) {
	m.n += int64(len(p))
	if now := time.Now(); m.app.terminal && now.Sub(m.drawn) >= lookEvery {
		m.drawn = now
		rate := float64(m.n) / max(now.Sub(m.began).Seconds(), 0.001)
		fmt.Fprintf(m.app.stderr, "\r\033[K%s, %s/s", size(m.n), size(int64(rate)))
	}
	return len(p), nil
}

func (m *meter) clear() {
	if !m.drawn.IsZero() {
		fmt.Fprint(m.app.stderr, "\r\033[K")
	}
}
