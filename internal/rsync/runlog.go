package rsync

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// maxLogged is how many changed paths, deleted paths and messages a log has,
// each: a first pull would otherwise write a line per file of the host, and a
// host that means ill as many as it likes.
const maxLogged = 10_000

// runLog writes the log of one run: a time in UTC, a word, and the rest. That
// it cannot be written does not end a run.
type runLog struct {
	mu      sync.Mutex
	w       io.Writer
	now     func() time.Time
	changed int
	deleted int
	said    int
}

func newRunLog(w io.Writer, now func() time.Time) *runLog {
	if w == nil {
		w = io.Discard
	}
	return &runLog{w: w, now: now}
}

func (l *runLog) line(word, rest string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = fmt.Fprintf(l.w, "%s %s %s\n", l.now().UTC().Format(time.RFC3339), word, rest)
}

func (l *runLog) message(line string) {
	l.said++
	l.some(l.said, "message", line)
}

func (l *runLog) item(code, path string) {
	if code == "*deleting" {
		l.deleted++
		l.some(l.deleted, "deleted", path)
		return
	}
	if strings.HasPrefix(code, ".") {
		// Only times or modes of it changed.
		return
	}
	l.changed++
	l.some(l.changed, "changed", code+" "+path)
}

func (l *runLog) some(n int, word, rest string) {
	if n <= maxLogged {
		l.line(word, rest)
	}
}

func (l *runLog) finish(r Result, err error) {
	for _, list := range []struct {
		word string
		n    int
	}{{"changed", l.changed}, {"deleted", l.deleted}, {"message", l.said}} {
		if list.n > maxLogged {
			l.line(list.word, fmt.Sprintf("and %d more", list.n-maxLogged))
		}
	}
	if r.Stats != nil {
		if b, err := json.Marshal(r.Stats); err == nil {
			l.line("stats", string(b))
		}
	}
	end := string(r.State)
	if r.Message != "" {
		end += ": " + r.Message
	}
	if r.Remedy != "" {
		end += "; " + r.Remedy
	}
	if err != nil {
		end = "not run: " + err.Error()
		if r.State == Cancelled {
			end = "cancelled: " + err.Error()
		}
	}
	l.line("end", end)
}

// quoteArgv writes a command line so that a shell would read it back.
func quoteArgv(argv []string) string {
	words := make([]string, len(argv))
	for i, a := range argv {
		words[i] = a
		if a == "" || strings.ContainsAny(a, " \t\n'\"\\$`*?[]{}()<>|&;#~!") {
			words[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
		}
	}
	return strings.Join(words, " ")
}
