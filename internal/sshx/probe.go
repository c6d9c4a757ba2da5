package sshx

import (
	"bytes"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"time"

	"planb/internal/command"
)

// DoNotRunDir is where a host keeps the reasons for not being backed up now:
// one file each, its first line the reason.
const DoNotRunDir = "/var/lib/planb/do-not-run.d"

// ProbeTimeout bounds a probe: connecting, logging in, and some file lookups.
const ProbeTimeout = 60 * time.Second

//go:embed probe.sh
var probeScript string

// ProbeSpec says what to look at.
type ProbeSpec struct {
	// CheckFile is a path on the host that must be there; empty means none.
	CheckFile string
	// DoNotRunDir is DoNotRunDir when empty.
	DoNotRunDir string
	// RsyncPath is the remote rsync; "rsync" when empty.
	RsyncPath string
	// Sudo asks whether rsync may be run by sudo without a password.
	Sudo bool
	// IONice asks whether ionice is there.
	IONice bool
	// Timeout is ProbeTimeout when 0.
	Timeout time.Duration
}

// Hold is one file in the host's do-not-run directory.
type Hold struct {
	Name   string
	Reason string
}

// Report is what a host said about itself.
type Report struct {
	// Restricted says that the key may not run the probe (a forced command
	// other than planb-sender): nothing else is known, and the host counts as
	// ready.
	Restricted bool
	// Sender is the version of planb-sender, the forced command that PlanB
	// ships; empty when it was not asked.
	Sender string
	// Rsync is the version of the remote rsync, "3.2.7"; empty when absent.
	Rsync string
	// ACLs and Xattrs say whether that rsync can send them.
	ACLs, Xattrs bool
	// CheckFile says whether the file to check is there.
	CheckFile bool
	// Holds are the first few reasons for not running, of HoldCount.
	Holds     []Hold
	HoldCount int
	// Sudo says whether sudo works; SudoMessage what it said if not.
	Sudo        bool
	SudoMessage string
	IONice      bool
	// Noise is what the login shell printed by itself, at most 200 bytes:
	// rsync takes it for protocol and fails.
	Noise string
}

// Probe runs one fixed script on the host over one connection and reports what
// it found. What is wrong with the way to the host is a *ConnectError.
func Probe(ctx context.Context, s *Session, spec ProbeSpec) (Report, error) {
	if spec.Timeout == 0 {
		spec.Timeout = ProbeTimeout
	}
	parent := ctx
	ctx, cancel := context.WithTimeout(ctx, spec.Timeout)
	defer cancel()
	var out, msgs bytes.Buffer
	err := command.Run(ctx, command.Cmd{
		// Read from standard input, so that no login shell, whichever it is,
		// has anything to interpret. planb-sender reads the words instead.
		Argv:   s.Command("exec /bin/sh -s " + spec.words()),
		Stdin:  strings.NewReader(spec.script()),
		Stdout: &limitedBuffer{max: 64 << 10, Buffer: &out},
		Stderr: &limitedBuffer{max: 64 << 10, Buffer: &msgs},
		Grace:  2 * time.Second,
	})
	report, complete := parseReport(out.String())
	if complete {
		return report, nil
	}
	if parent.Err() != nil {
		return Report{}, context.Cause(parent)
	}
	if command.NotFound(err) {
		return Report{}, fmt.Errorf("ssh is not installed: install openssh-client (%w)", err)
	}
	if ctx.Err() != nil {
		p := pattern{kind: ErrUnreachable}
		return Report{}, connectError(s.Target, p, fmt.Sprintf("no answer within %s", spec.Timeout))
	}
	if ce := Classify(s.Target, msgs.String()+out.String()); ce != nil {
		return Report{}, ce
	}
	var failed *command.Error
	if errors.As(err, &failed) && failed.Code == 255 {
		return Report{}, connectError(s.Target, pattern{kind: ErrConnectionLost}, lastLine(msgs.String(), "ssh gave no reason"))
	}
	if strings.Contains(out.String(), "planb-probe begin") {
		return Report{}, connectError(s.Target, pattern{kind: ErrConnectionLost}, "the probe ended in the middle")
	}
	// Something else than a shell took the connection.
	return Report{Restricted: true}, nil
}

// words asks planb-sender what script asks any other host. Another path of
// rsync is not among them: planb-sender has its own list.
func (p ProbeSpec) words() string {
	words := []string{"planb-probe"}
	if p.CheckFile != "" {
		words = append(words, "check="+encode(p.CheckFile))
	}
	if p.DoNotRunDir != "" {
		words = append(words, "hold="+encode(p.DoNotRunDir))
	}
	if p.Sudo {
		words = append(words, "sudo")
	}
	return strings.Join(words, " ")
}

// encode writes a path in characters that mean nothing to any shell: others
// become + and three octal digits.
func encode(path string) string {
	var b strings.Builder
	for _, c := range []byte(path) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("/._-", c) >= 0:
			b.WriteByte(c)
		case c != 0:
			fmt.Fprintf(&b, "+%03o", c)
		}
	}
	return b.String()
}

// script puts the values before the script, quoted for a POSIX shell.
func (p ProbeSpec) script() string {
	dir, rsync, sudo := p.DoNotRunDir, p.RsyncPath, ""
	if dir == "" {
		dir = DoNotRunDir
	}
	if rsync == "" {
		rsync = "rsync"
	}
	if p.Sudo {
		sudo = "yes"
	}
	return fmt.Sprintf("sender=\nrsync=%s\ncheck=%s\nhold=%s\nsudo=%s\nset -- \"$rsync\"\n%s",
		quote(rsync), quote(p.CheckFile), quote(dir), quote(sudo), probeScript)
}

// quote gives s as one word of a POSIX shell.
func quote(s string) string {
	return "'" + strings.ReplaceAll(strings.ReplaceAll(s, "\x00", ""), "'", `'\''`) + "'"
}

// parseReport reads the answer of the script; complete says that it ran to its
// end.
func parseReport(out string) (r Report, complete bool) {
	before, answer, found := strings.Cut(out, "planb-probe begin\n")
	if !found {
		return Report{}, false
	}
	answer, _, complete = strings.Cut(answer, "planb-probe end\n")
	if len(before) > 200 {
		before = before[:200]
	}
	r.Noise = strings.ToValidUTF8(before, "?")
	var rsync []string
	for line := range strings.Lines(answer) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		value = strings.ToValidUTF8(value, "?")
		switch key {
		case "sender":
			r.Sender = value
		case "rsync":
			rsync = append(rsync, value)
		case "check":
			r.CheckFile = value == "present"
		case "hold":
			r.Holds = append(r.Holds, Hold{Name: value})
		case "why":
			if n := len(r.Holds); n > 0 {
				r.Holds[n-1].Reason = strings.TrimSpace(value)
			}
		case "holds":
			_, _ = fmt.Sscan(value, &r.HoldCount)
		case "sudo":
			r.Sudo = value == "ok"
			if !r.Sudo {
				r.SudoMessage = sudoMessage(value)
			}
		case "ionice":
			r.IONice = value == "present"
		}
	}
	r.readVersion(strings.Join(rsync, "\n"))
	return r, complete
}

func sudoMessage(value string) string {
	if value == "absent" {
		return "sudo is not installed"
	}
	said := strings.TrimSpace(strings.TrimPrefix(value, "refused"))
	if said == "" {
		return "sudo does not allow this user to run rsync"
	}
	return said
}

// readVersion understands the first lines of rsync --version, of the usual
// rsync and of the one of OpenBSD and macOS.
func (r *Report) readVersion(text string) {
	first, _, _ := strings.Cut(text, "\n")
	f := strings.Fields(first)
	switch {
	case len(f) >= 3 && f[0] == "rsync" && f[1] == "version":
		r.Rsync = strings.TrimPrefix(f[2], "v")
	case len(f) >= 1 && strings.HasPrefix(f[0], "openrsync"):
		r.Rsync = "openrsync"
	}
	words := strings.Join(strings.Fields(text), " ")
	r.ACLs = strings.Contains(words, "ACLs") && !strings.Contains(words, "no ACLs")
	r.Xattrs = strings.Contains(words, "xattrs") && !strings.Contains(words, "no xattrs")
}

func lastLine(s, otherwise string) string {
	s = strings.TrimSpace(s)
	if s == "" {
		return otherwise
	}
	return s[strings.LastIndexByte(s, '\n')+1:]
}

// limitedBuffer keeps the first max bytes and drops the rest, so that a host
// that talks without end costs no memory.
type limitedBuffer struct {
	*bytes.Buffer
	max int
}

func (l *limitedBuffer) Write(p []byte) (int, error) {
	if room := l.max - l.Len(); room > 0 {
		l.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
