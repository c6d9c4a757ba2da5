package activities

import (
	"fmt"
	"io"

	"planb/internal/rsync"
	"planb/internal/tree"
)

// How many changes of each kind the log of a restore has.
const (
	loggedChanges = 10_000
	loggedDryRun  = 200_000
)

// changeLog writes the changes of a restore into the log of its run: time,
// action, size in bytes, path. `planb restore --dry-run` reads them from there.
type changeLog struct {
	w     io.Writer
	stamp func() string
	most  int
	seen  map[string]int
}

func (l *changeLog) change(c rsync.Change) {
	if l.seen == nil {
		l.seen = map[string]int{}
	}
	l.seen[c.Action]++
	if l.seen[c.Action] > l.most {
		return
	}
	path, _ := tree.Escape(c.Path)
	if c.Dir && path != "/" {
		path += "/"
	}
	fmt.Fprintf(l.w, "%s %s %d %s\n", l.stamp(), c.Action, c.Size, path)
}

// finish says what did not fit.
func (l *changeLog) finish() {
	for _, action := range []string{rsync.ActionNew, rsync.ActionOverwritten, rsync.ActionKept, rsync.ActionDeleted} {
		if n := l.seen[action] - l.most; n > 0 {
			fmt.Fprintf(l.w, "%s %s and %d more\n", l.stamp(), action, n)
		}
	}
}
