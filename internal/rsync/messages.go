package rsync

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
)

var (
	vanishedRE = regexp.MustCompile(`^(?:rsync: )?(?:\[\w+\] )?(?:file|directory) has vanished: "(.*)"(?: \(in .*\))?$`)
	errnoRE    = regexp.MustCompile(`^rsync: (?:\[(\w+)\] )?(.*): ([^:]+) \((\d+)\)$`)
	quotedRE   = regexp.MustCompile(`"+([^"].*?)"+(?:,"[^"]*")?\)?(?: \(in [^)]*\))?(?: failed)?$`)
	verifyRE   = regexp.MustCompile(`^(?:rsync: )?(?:\[\w+\] )?ERROR: (.*) failed verification -- update (?:discarded|retained)`)
	deletesRE  = regexp.MustCompile(`IO error encountered.*skipping file deletion`)
	guardRE    = regexp.MustCompile(`Deletions stopped due to --max-delete limit \((\d+) skipped\)`)
)

const (
	maxTail     = 20
	maxMessage  = 4 << 10
	maxUnsorted = 100
)

// messages reads standard error of rsync and ssh, line by line, and sorts what
// it says into a Result.
type messages struct {
	// dest is cut off paths that the receiver names, source off those of the
	// sender.
	dest     string
	source   string
	tolerate matcher
	onLine   func(string)

	partial []byte

	mu     sync.Mutex
	result *Result // its lists and counts are guarded by mu while rsync runs
	// general are lines of rsync that name no file.
	general []string
	// unsorted are lines that are not rsync's, so ssh's or the host's.
	unsorted []string
	noSpace  string
	refused  int
}

// Write takes the next part of the stream. It never fails.
func (m *messages) Write(b []byte) (int, error) {
	n := len(b)
	for {
		line, rest, found := bytes.Cut(b, []byte{'\n'})
		if room := maxMessage - len(m.partial); room > 0 {
			m.partial = append(m.partial, line[:min(room, len(line))]...)
		}
		if !found {
			return n, nil
		}
		m.flush()
		b = rest
	}
}

// flush takes what there is as a line.
func (m *messages) flush() {
	line := strings.TrimRight(strings.ToValidUTF8(string(m.partial), "\uFFFD"), "\r ")
	m.partial = m.partial[:0]
	m.take(line)
}

// take reads one line.
func (m *messages) take(line string) {
	if strings.TrimSpace(line) == "" {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.onLine != nil {
		m.onLine(line)
	}
	m.result.Tail = append(m.result.Tail, line)
	if len(m.result.Tail) > maxTail {
		m.result.Tail = m.result.Tail[1:]
	}
	m.sort(line)
}

func (m *messages) sort(line string) {
	if f := vanishedRE.FindStringSubmatch(line); f != nil {
		m.result.VanishedCount++
		if len(m.result.Vanished) < MaxListed {
			m.result.Vanished = append(m.result.Vanished, f[1])
		}
		return
	}
	if f := verifyRE.FindStringSubmatch(line); f != nil {
		m.fail(hostPath(f[1]), "changed while it was read")
		return
	}
	if deletesRE.MatchString(line) {
		m.result.DeletesSkipped = true
		return
	}
	if f := guardRE.FindStringSubmatch(line); f != nil {
		m.result.DeletesSkipped = true
		m.refused, _ = strconv.Atoi(f[1])
		return
	}
	if f := errnoRE.FindStringSubmatch(line); f != nil {
		m.errno(line, f[1], f[2], f[3], f[4])
		return
	}
	switch {
	case strings.HasPrefix(line, "rsync error:"), strings.HasPrefix(line, "rsync warning:"):
	case strings.HasPrefix(line, "rsync: "):
		m.general = append(m.general, line)
	case len(m.unsorted) < maxUnsorted:
		m.unsorted = append(m.unsorted, line)
	}
}

// errno takes a line that ends in a system error: "rsync: [who] what "path":
// reason (number)".
func (m *messages) errno(line, who, what, reason, number string) {
	code, _ := strconv.Atoi(number)
	local := !strings.EqualFold(who, "sender")
	full := syscall.Errno(code) == syscall.ENOSPC || syscall.Errno(code) == syscall.EDQUOT
	if local && full && m.noSpace == "" {
		m.noSpace = reason
	}
	q := quotedRE.FindStringSubmatch(what)
	if q == nil {
		m.general = append(m.general, line)
		return
	}
	path := q[1]
	if rest, ok := strings.CutPrefix(path, m.dest); ok && local && m.dest != "" {
		path = rest
	} else if rest, ok := strings.CutPrefix(path, m.source); ok && !local && m.source != "" {
		path = rest
	}
	m.fail(hostPath(path), reason)
}

func (m *messages) fail(path, reason string) {
	e := FileError{Path: path, Reason: reason, Tolerated: m.tolerate.match(path)}
	m.result.FailedCount++
	if e.Tolerated {
		m.result.ToleratedCount++
	}
	if len(m.result.Failed) < MaxListed {
		m.result.Failed = append(m.result.Failed, e)
	}
}

// says gives the first line that has one of the texts, or "".
func (m *messages) says(texts ...string) string {
	for _, lines := range [][]string{m.unsorted, m.general, m.result.Tail} {
		for _, line := range lines {
			for _, text := range texts {
				if strings.Contains(line, text) {
					return strings.TrimSpace(line)
				}
			}
		}
	}
	return ""
}
