package rsync

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Progress is where a transfer is.
type Progress struct {
	// Bytes is how much of file contents has been dealt with, whether sent or
	// found unchanged.
	Bytes int64 `json:"bytes"`
	// Files is how many files were transferred.
	Files int64 `json:"files"`
	// Deleted is how many files were deleted.
	Deleted int64 `json:"deleted"`
	// Checked and Total count entries of the file list; Total grows until
	// TotalKnown.
	Checked    int64 `json:"checked"`
	Total      int64 `json:"total"`
	TotalKnown bool  `json:"total_known"`
	// Percent is of the bytes of the list so far; rsync's own estimate.
	Percent int `json:"percent"`
	// Rate is in bytes per second.
	Rate int64 `json:"rate"`
	// Path is what was last looked at or transferred, absolute on the host.
	// Control characters in it are written as \#ooo (octal).
	Path string `json:"path"`
	// At is when rsync last said something.
	At time.Time `json:"at"`
}

var (
	// progressRE matches what --info=progress2 writes.
	progressRE = regexp.MustCompile(`^\s*([\d,.']+)\s+(\d+)%\s+([\d.]+)([kMGTP]?)B/s\s+(?:\d+:\d\d:\d\d|\?\?:\?\?:\?\?)(?: \(xfr#(\d+), (to|ir)-chk=(\d+)/(\d+)\)| {2})?`)
	// itemRE matches a line of --out-format="%i %n", and one of pullFormat.
	itemRE = regexp.MustCompile(`^([<>ch.*][fdLDS](?:[^ ]{9}| {9})|\*deleting  )(?: |\|(\d+)\|([^|]*)\|([0-9a-f]*) *\|)(.*)$`)
	// receiverRE matches --debug=recv1: what the host answers now.
	receiverRE = regexp.MustCompile(`^recv_files\((.*)\)$`)
	// generatorRE matches --debug=genr1: what the receiver asks the host for.
	generatorRE = regexp.MustCompile(`^recv_generator\((.*),-?\d+\)$`)
)

// Parser reads rsync's standard output, as the flags of Argv make it.
type Parser struct {
	// Progress is what was read so far, without At.
	Progress Progress
	// OnItem is called for each change: rsync's eleven letters, and a path;
	// directories without a slash at the end.
	OnItem func(code, path string)
	// OnSum is called for each file that was received, after that, where lines
	// are of pullFormat.
	OnSum func(Sum)
	// OnOther is called for lines that are none of the known ones.
	OnOther func(line string)
	// OnRaw, if given, sees each line first, with the bytes as they are, and
	// says whether it has taken it.
	OnRaw func(line string) bool

	// transferring says that Progress.Path is a file that has been begun and is
	// not finished.
	transferring bool
	pending      pending
	stats        statsParser
	partial      []byte
	tooLong      bool
}

// maxLine bounds a line: longer than any path that rsync can send, escaped.
const maxLine = 64 << 10

// Write reads the next part of the output. It never fails.
func (p *Parser) Write(b []byte) (int, error) {
	n := len(b)
	for len(b) > 0 {
		// Progress lines begin with \r and the next thing may follow at once.
		i := bytes.IndexAny(b, "\r\n")
		if i < 0 {
			p.keep(b)
			break
		}
		p.keep(b[:i])
		p.line()
		b = b[i+1:]
	}
	return n, nil
}

// Close reads what has no line end, and checks the statistics: nil and an
// error when there were none, or when a line of them was not understood.
func (p *Parser) Close() (*Stats, error) {
	p.line()
	return p.stats.result()
}

func (p *Parser) keep(b []byte) {
	if len(p.partial)+len(b) > maxLine {
		p.tooLong = true
		return
	}
	p.partial = append(p.partial, b...)
}

func (p *Parser) line() {
	line := string(p.partial)
	skip := p.tooLong || line == "" || p.OnRaw != nil && p.OnRaw(line)
	p.partial, p.tooLong = p.partial[:0], false
	if !skip {
		p.text(line)
	}
}

// text takes one line; what is no valid UTF-8 in it is a name's.
func (p *Parser) text(line string) {
	if m := generatorRE.FindStringSubmatch(line); m != nil {
		p.pending.ask(hostPath(m[1]))
		return
	}
	if m := receiverRE.FindStringSubmatch(line); m != nil {
		p.Progress.Path, p.transferring = hostPath(m[1]), true
		p.pending.answer(p.Progress.Path)
		return
	}
	if m := itemRE.FindStringSubmatch(line); m != nil {
		after := strings.Contains(m[0][:len(m[0])-len(m[5])], "|")
		p.item(m[1], hostPath(m[5]), after)
		if after && p.OnSum != nil && strings.HasPrefix(m[1], ">f") {
			p.OnSum(sumOf(m[2], m[3], m[4], m[5]))
		}
		return
	}
	if m := progressRE.FindStringSubmatch(line); m != nil {
		p.progress(m)
		// rsync is several processes, and one of them may go on in the line.
		p.text(line[len(m[0]):])
		return
	}
	if line == "" || p.stats.line(line) || chatter(line) {
		return
	}
	if p.OnOther != nil {
		p.OnOther(strings.ToValidUTF8(line, "\uFFFD"))
	}
}

// item takes a change; after says that rsync told it after it had been made.
func (p *Parser) item(code, path string, after bool) {
	code = strings.TrimSpace(code)
	if code == "*deleting" {
		p.Progress.Deleted++
	} else {
		p.Progress.Path = path
		p.transferring = !after && (strings.HasPrefix(code, ">f") || strings.HasPrefix(code, "<f"))
		if path != "/" {
			path = strings.TrimSuffix(path, "/")
		}
		p.pending.answer(path)
	}
	// Two letters are an entry that is as it was.
	if p.OnItem != nil && len(code) > 2 {
		p.OnItem(code, path)
	}
}

func (p *Parser) progress(m []string) {
	g := &p.Progress
	g.Bytes = digits(m[1])
	g.Percent, _ = strconv.Atoi(m[2])
	rate, _ := strconv.ParseFloat(m[3], 64)
	g.Rate = int64(rate * float64(int64(1)<<(10*(1+strings.Index("kMGTP", m[4])))))
	if m[4] == "" {
		g.Rate = int64(rate)
	}
	if m[5] == "" {
		return
	}
	if files := digits(m[5]); files > g.Files {
		g.Files, p.transferring = files, false
	}
	g.Total = digits(m[8])
	g.Checked = g.Total - digits(m[7])
	g.TotalKnown = m[6] == "to"
}

// Stuck gives between which paths the host is now: the same one twice while a
// file is being received, and "" when nothing is known. The host keeps some
// kilobytes of answers back until they fill a buffer, so there is a range.
func (p *Parser) Stuck() (from, to string) {
	if p.transferring {
		return p.Progress.Path, p.Progress.Path
	}
	return p.pending.span()
}

// hostPath makes a path of rsync's output absolute on the host, and valid UTF-8.
func hostPath(name string) string {
	name = strings.ToValidUTF8(name, "\uFFFD")
	if name == "." || name == "./" {
		return "/"
	}
	return "/" + strings.TrimPrefix(name, "/")
}

// digits reads a number that may have separators between its thousands.
func digits(s string) int64 {
	var n int64
	for _, c := range []byte(s) {
		if c >= '0' && c <= '9' {
			n = n*10 + int64(c-'0')
		}
	}
	return n
}

// chatter says whether a line is one that --debug=genr1,recv1 or rsync itself writes
// in every run and that tells nothing.
func chatter(line string) bool {
	for _, prefix := range []string{
		"generator starting", "generate_files ", "recv_files", "finishing ", "renaming ", "client_run2 ", "receiving ", "get_local_name", "sent ", "total size is ",
		"delta-transmission ", "created directory ",
	} {
		if strings.HasPrefix(line, prefix) {
			return true
		}
	}
	return false
}
