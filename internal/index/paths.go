package index

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"planb/internal/tree"
)

// fileOf gives the number of a path of the host; false if no snapshot ever had
// it. Errors: of tree.ErrBadPath.
func fileOf(ctx context.Context, q querier, path string) (int64, bool, error) {
	parts, err := tree.Split(path)
	if err != nil {
		return 0, false, err
	}
	id := int64(rootID)
	for _, part := range parts {
		err := q.QueryRowContext(ctx, `SELECT id FROM files WHERE dir = ? AND name = ?`, id, []byte(part)).Scan(&id)
		if errors.Is(err, sql.ErrNoRows) {
			return 0, false, nil
		}
		if err != nil {
			return 0, false, err
		}
	}
	return id, true, nil
}

// paths gives the paths of directories by their numbers, and remembers them.
type paths struct {
	ctx   context.Context
	q     querier
	known map[int64]string
}

func newPaths(ctx context.Context, q querier) *paths {
	return &paths{ctx: ctx, q: q, known: map[int64]string{0: "", rootID: "/"}}
}

// of gives the path of a directory.
func (p *paths) of(dir int64) (string, error) {
	if path, ok := p.known[dir]; ok {
		return path, nil
	}
	var up int64
	var name string
	err := p.q.QueryRowContext(p.ctx, `SELECT dir, name FROM files WHERE id = ?`, dir).Scan(&up, &name)
	if errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("%w: it has a file in a directory that it has not", ErrDamaged)
	}
	if err != nil {
		return "", err
	}
	above, err := p.of(up)
	if err != nil {
		return "", err
	}
	p.known[dir] = place{above, name}.path()
	return p.known[dir], nil
}

// file gives the path of the file name in a directory.
func (p *paths) file(dir int64, name string) (string, error) {
	above, err := p.of(dir)
	return place{above, name}.path(), err
}

// comparePaths orders paths as a walk meets them: what is in a directory comes
// right after it.
func comparePaths(a, b string) int {
	for i := range min(len(a), len(b)) {
		switch {
		case a[i] == b[i]:
		case a[i] == '/':
			return -1
		case b[i] == '/':
			return 1
		default:
			return int(a[i]) - int(b[i])
		}
	}
	return len(a) - len(b)
}

// under says whether path is dir or lies beneath it.
func under(path, dir string) bool {
	return dir == "/" || path == dir || strings.HasPrefix(path, dir) && path[len(dir)] == '/'
}
