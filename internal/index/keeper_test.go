package index

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/tree"
)

// fakePool is a dataset whose snapshots are directories.
type fakePool struct {
	mu    sync.Mutex
	id    string
	list  []Snapshot
	views map[string]string
	// opened counts how often a snapshot was looked at; gate, when set, is waited
	// for before one is, and broken fails that.
	opened atomic.Int32
	gate   chan struct{}
	broken error
}

func (p *fakePool) Snapshots(_ context.Context, dataset string) (string, []Snapshot, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if dataset != "tank/BACKUP/acme/web1" {
		return "", nil, fs.ErrNotExist
	}
	return p.id, slices.Clone(p.list), nil
}

func (p *fakePool) OpenSnapshot(ctx context.Context, _, snap string) (View, error) {
	if p.gate != nil {
		select {
		case <-p.gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	p.opened.Add(1)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.broken != nil {
		return nil, p.broken
	}
	if p.views[snap] == "" {
		return nil, fs.ErrNotExist
	}
	return mounted(p.views[snap]), nil
}

// stall is a keeper of one dataset.
type stall struct {
	*Keeper
	t    *testing.T
	pool *fakePool
	dir  string
	// taken is how many snapshots there ever were.
	taken int
}

const dataset = "tank/BACKUP/acme/web1"

func newStall(t *testing.T, snapshots int) *stall {
	t.Helper()
	s := &stall{t: t, dir: filepath.Join(t.TempDir(), "index"), pool: &fakePool{id: "4711", views: map[string]string{}}}
	for range snapshots {
		s.take()
	}
	s.start()
	return s
}

func (s *stall) start() {
	s.Keeper = NewKeeper(KeeperOptions{Dir: s.dir, Pool: s.pool})
	s.t.Cleanup(s.Close)
}

// take adds a snapshot with a file named after it, and one that is in all.
func (s *stall) take() {
	n := s.taken
	s.taken++
	at := time.Date(2026, 11, 1, 1, 30, 0, 0, time.UTC).AddDate(0, 0, n)
	snap := Snapshot{Name: "daily-" + at.Format("200601021504"), GUID: fmt.Sprint(n + 1), Created: at, State: "ok"}
	view := s.t.TempDir()
	require.NoError(s.t, os.Mkdir(filepath.Join(view, tree.DataDir), 0o755))
	for _, name := range []string{"all", fmt.Sprint("only-", n)} {
		full := filepath.Join(view, tree.DataDir, name)
		require.NoError(s.t, os.WriteFile(full, nil, 0o644))
		require.NoError(s.t, os.Chtimes(full, old, old))
	}
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	s.pool.views[snap.Name], s.pool.list = view, append(s.pool.list, snap)
}

func (s *stall) destroy(i int) {
	s.pool.mu.Lock()
	defer s.pool.mu.Unlock()
	delete(s.pool.views, s.pool.list[i].Name)
	s.pool.list = slices.Delete(slices.Clone(s.pool.list), i, i+1)
}

// held gives in how many snapshots a path is.
func (s *stall) held(path string) int {
	s.t.Helper()
	n := 0
	err := s.Read(s.t.Context(), dataset, time.Minute, func(x *Index, p Progress) error {
		require.True(s.t, p.Whole())
		list, err := x.History(s.t.Context(), path)
		if errors.Is(err, ErrNotFound) {
			return nil
		}
		for _, v := range list {
			n += len(v.Snapshots)
		}
		return err
	})
	require.NoError(s.t, err)
	return n
}

func (s *stall) file() string { return filepath.Join(s.dir, s.pool.id+".db") }

func TestKeeperCatchesUp(t *testing.T) {
	t.Parallel()
	s := newStall(t, 3)
	require.Equal(t, 3, s.held("/all"))
	require.Equal(t, 1, s.held("/only-1"))
	require.EqualValues(t, 3, s.pool.opened.Load())
	s.take()
	p, err := s.CatchUp(t.Context(), dataset, nil)
	require.NoError(t, err)
	require.Equal(t, Progress{Indexed: 4, Snapshots: 4}, p)
	require.Equal(t, 4, s.held("/all"))
	require.EqualValues(t, 4, s.pool.opened.Load(), "none is looked at twice")

	s.destroy(1)
	require.Equal(t, 3, s.held("/all"))
	require.Zero(t, s.held("/only-1"), "what no snapshot holds is forgotten")
	require.NoError(t, s.Read(t.Context(), dataset, 0, func(x *Index, _ Progress) error {
		var left int
		err := x.db.QueryRowContext(t.Context(), `SELECT count(*) FROM files LEFT JOIN versions ON file = id WHERE name = ?`, []byte("only-1")).Scan(&left)
		require.Zero(t, left)
		return err
	}))
	s.destroy(2)
	require.Equal(t, 2, s.held("/all"))
	require.Zero(t, s.held("/only-3"), "of the newest one, too")
	s.take() // compared with one that is gone
	require.Equal(t, 3, s.held("/all"))

	s.pool.list[0].State, s.pool.list[0].Name = "suspect", "renamed"
	require.Equal(t, 3, s.held("/all"))
	require.NoError(t, s.Read(t.Context(), dataset, 0, func(x *Index, _ Progress) error {
		list, err := x.Snapshots(t.Context())
		require.Equal(t, "renamed suspect", list[0].Name+" "+list[0].State)
		return err
	}))
	_, err = s.CatchUp(t.Context(), dataset+"2", nil)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorIs(t, s.Read(t.Context(), dataset+"2", 0, nil), fs.ErrNotExist)
	info, err := os.Stat(s.file())
	require.NoError(t, err)
	require.EqualValues(t, 0o600, info.Mode().Perm(), "names of files are confidential")
}

// One that is older than those in the index, such as one that was received from
// elsewhere or taken while the clock was wrong, is entered as well.
func TestOlderSnapshotIsEnteredLater(t *testing.T) {
	t.Parallel()
	s := newStall(t, 3)
	middle := s.pool.list[1]
	s.pool.list = slices.Delete(s.pool.list, 1, 2)
	require.Equal(t, 2, s.held("/all"))
	s.pool.list = slices.Insert(s.pool.list, 1, middle)
	require.Equal(t, 3, s.held("/all"))
	s.take()
	require.NoError(t, s.Read(t.Context(), dataset, time.Minute, func(x *Index, _ Progress) error {
		list, err := x.History(t.Context(), "/all")
		require.Len(t, list, 1, "it is one version")
		require.Equal(t, []string{"20261101", "20261102", "20261103", "20261104"}, names(list[0].Snapshots))
		require.Equal(t, 1, s.held("/only-1"))
		return err
	}))
}

func TestDamagedIndexIsBuiltAnew(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(t *testing.T, file string){
		"deleted":  func(t *testing.T, file string) { require.NoError(t, Remove(file)) },
		"emptied":  func(t *testing.T, file string) { require.NoError(t, os.Truncate(file, 0)) },
		"cut":      func(t *testing.T, file string) { require.NoError(t, os.Truncate(file, 5000)) },
		"no index": func(t *testing.T, file string) { require.NoError(t, os.WriteFile(file, []byte("hello, world"), 0o600)) },
		"other version": func(t *testing.T, file string) {
			x, err := Open(t.Context(), file)
			require.NoError(t, err)
			_, err = x.db.ExecContext(t.Context(), "PRAGMA user_version = 99")
			require.NoError(t, errors.Join(err, x.Close()))
		},
		"garbled": func(t *testing.T, file string) {
			info, err := os.Stat(file)
			require.NoError(t, err)
			f, err := os.OpenFile(file, os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = f.WriteAt(make([]byte, info.Size()-4096), 4096)
			require.NoError(t, errors.Join(err, f.Close()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStall(t, 3)
			require.Equal(t, 3, s.held("/all"))
			s.Close()
			damage(t, s.file())
			s.start()
			require.Eventually(t, func() bool {
				n := 0
				err := s.Read(t.Context(), dataset, time.Minute, func(x *Index, p Progress) error {
					list, err := x.History(t.Context(), "/all")
					for _, v := range list {
						n += len(v.Snapshots)
					}
					return err
				})
				return err == nil && n == 3
			}, time.Minute, time.Millisecond)
		})
	}
}

// What a keeper begins for one caller goes on when that caller has gone, and
// another waits for the same.
func TestCallersShareOneCatchUp(t *testing.T) {
	t.Parallel()
	s := newStall(t, 2)
	s.pool.gate = make(chan struct{})
	brief, cancel := context.WithCancel(t.Context())
	var early sync.WaitGroup
	early.Go(func() {
		_, err := s.CatchUp(brief, dataset, nil)
		require.ErrorIs(t, err, context.Canceled)
	})
	cancel()
	early.Wait()
	var behind *BehindError
	require.ErrorAs(t, s.Read(t.Context(), dataset, time.Nanosecond, nil), &behind)
	require.Equal(t, 2, behind.Snapshots)
	require.ErrorContains(t, behind, "ask again")
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			p, err := s.CatchUp(t.Context(), dataset, nil)
			require.NoError(t, err)
			require.True(t, p.Whole())
		})
	}
	close(s.pool.gate)
	all.Wait()
	require.EqualValues(t, 2, s.pool.opened.Load())
}

func TestSnapshotThatCannotBeRead(t *testing.T) {
	t.Parallel()
	s := newStall(t, 1)
	require.Equal(t, 1, s.held("/all"))
	s.take()
	s.pool.broken = errors.New("the disk is gone")
	_, err := s.CatchUp(t.Context(), dataset, nil)
	require.ErrorContains(t, err, "the disk is gone")
	// What is known is told, and what is not is named.
	require.NoError(t, s.Read(t.Context(), dataset, time.Minute, func(x *Index, p Progress) error {
		require.Equal(t, Progress{Indexed: 1, Snapshots: 2, Missing: []string{s.pool.list[1].Name}}, p)
		_, err := x.History(t.Context(), "/all")
		return err
	}))
	s.pool.broken = nil
	require.Equal(t, 2, s.held("/all"))
}

func TestTendSweepsWhatIsForgotten(t *testing.T) {
	t.Parallel()
	s := newStall(t, 2)
	require.NoError(t, os.MkdirAll(s.dir, 0o700))
	gone, recent := filepath.Join(s.dir, "1.db"), filepath.Join(s.dir, "2.db")
	now := time.Now()
	for _, f := range []string{gone, gone + "-wal", recent} {
		require.NoError(t, os.WriteFile(f, nil, 0o600))
		require.NoError(t, os.Chtimes(f, now, now.Add(-forgotten-time.Hour)))
	}
	require.NoError(t, os.Chtimes(recent, now, now))
	s.Tend(t.Context(), []string{dataset, "tank/BACKUP/acme"}, now)
	require.NoFileExists(t, gone)
	require.NoFileExists(t, gone+"-wal")
	require.FileExists(t, recent)
	require.FileExists(t, s.file())
	require.EqualValues(t, 2, s.pool.opened.Load(), "it is up to date")
	require.NoError(t, s.Forget(s.pool.id))
	require.NoFileExists(t, s.file())
}
