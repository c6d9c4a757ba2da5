package sshx

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"time"

	"planb/internal/command"
)

// Restriction is what a host lets PlanB's key do.
type Restriction struct {
	// Sends says that the key may run the rsync that a pull needs. Where it may
	// not, the refusals say little.
	Sends bool `json:"sends"`
	// Allowed are the things that the host let through though no pull needs
	// them, in words, the worst first. Empty means that whoever holds the key
	// can read the host's files and do nothing else there.
	Allowed []string `json:"allowed"`
}

// attempt is something that a key for backups should not be able to do, in a
// form that does no harm where it can.
type attempt struct {
	what string
	// argv is the local command; input what it reads.
	argv  []string
	input string
	// done says from the answer that the host let it through.
	done func(stdout, stderr string) bool
	// all says that what comes after it is allowed too.
	all bool
}

// ProbeRestriction tries harmless forms of what a key for backups should not be
// able to do, each over a connection of its own, and tells which of them the
// host let through. With spec.Sudo it is about sudo's rule, too: who may write
// a file through sudo is root. Of spec, CheckFile and DoNotRunDir do not
// matter. What is wrong with the way to the host is a *ConnectError.
func ProbeRestriction(ctx context.Context, s *Session, spec ProbeSpec) (Restriction, error) {
	if spec.Timeout == 0 {
		spec.Timeout = ProbeTimeout
	}
	ctx, cancel := context.WithTimeoutCause(ctx, spec.Timeout,
		connectError(s.Target, pattern{kind: ErrUnreachable}, "no answer within "+spec.Timeout.String()))
	defer cancel()
	rsync := spec.RsyncPath
	if rsync == "" {
		rsync = "rsync"
	}
	groups := [][]attempt{asUser(s), forbidden(s, rsync), around(s)}
	own := rsync
	if spec.Sudo {
		own = "sudo -n " + rsync
		groups = append([][]attempt{asRoot(s), forbidden(s, own)}, groups...)
	}
	var r Restriction
	var err error
	if r.Sends, err = sends(s, own).try(ctx, s.Target); err != nil {
		return Restriction{}, err
	}
	for _, group := range groups {
		for _, a := range group {
			done, err := a.try(ctx, s.Target)
			if err != nil {
				return Restriction{}, err
			}
			if !done {
				continue
			}
			r.Allowed = append(r.Allowed, a.what)
			if a.all {
				return r, nil
			}
		}
	}
	return r, nil
}

// The rsync of every attempt finds the end of its input where the other side's
// version should be, and ends before it looks at a single file; a dry run it
// is besides.
const letters = " -nlogDtpre.iLsfxCIvu"

func sends(s *Session, rsync string) attempt {
	return attempt{argv: s.Command(rsync + " --server --sender" + letters + " --numeric-ids --inplace . /"), done: rsyncRan}
}

func forbidden(s *Session, rsync string) []attempt {
	as := ""
	if strings.HasPrefix(rsync, "sudo ") {
		as = " as root"
	}
	return []attempt{
		{
			what: "rsync that writes files" + as, done: rsyncRan,
			argv: s.Command(rsync + " --server" + letters + " . /"),
		}, {
			what: "rsync --remove-source-files" + as, done: rsyncRan,
			argv: s.Command(rsync + " --server --sender" + letters + " --remove-source-files . /"),
		}, {
			what: "rsync --log-file" + as, done: rsyncRan,
			argv: s.Command(rsync + " --server --sender" + letters + " --log-file=/nonexistent/planb/probe . /"),
		}, {
			what: "rsync --daemon" + as, done: rsyncRan,
			argv: s.Command(rsync + " --server --daemon --config=/nonexistent/planb/probe ."),
		}, {
			what: "rsync with options that come unseen (--secluded-args)" + as, done: rsyncRan,
			argv:  s.Command(rsync + " --server --sender -s" + letters[2:] + " . /"),
			input: "rsync\x00.\x00/\x00\x00",
		},
	}
}

func asRoot(s *Session) []attempt {
	return []attempt{{what: "any command as root", argv: s.Command("sudo -n expr 40 + 2"), done: computed, all: true}}
}

func asUser(s *Session) []attempt {
	return []attempt{{what: "any command", argv: s.Command("expr 40 + 2"), done: computed, all: true}}
}

// around goes past the command that the key is bound to.
func around(s *Session) []attempt {
	ssh := s.Argv()
	options := slices.Clip(ssh[:len(ssh)-1])
	return []attempt{
		{
			what: "a second command after a semicolon", done: computed,
			argv: s.Command("rsync --server --sender" + letters + " . /; expr 40 + 2"),
		}, {
			what: "sftp", input: "pwd\n",
			argv: append(append([]string{"sftp"}, options[1:]...), "-b", "-", "--", bracket(s.Target.Address)),
			done: func(stdout, _ string) bool { return strings.Contains(stdout, "working directory: ") },
		}, {
			// Nothing listens on port 1, and being told so is having been there.
			what: "connections to its network (port forwarding)",
			argv: append(options, "-o", "LogLevel=INFO", "-W", "127.0.0.1:1", "--", s.Target.Address),
			done: func(_, stderr string) bool { return strings.Contains(stderr, "connect failed: ") },
		},
	}
}

// bracket puts an IPv6 address as sftp wants it.
func bracket(address string) string {
	if strings.Contains(address, ":") {
		return "[" + address + "]"
	}
	return address
}

// ownError is what rsync itself says when it ends early. planb-sender and
// rrsync put their own names first.
var ownError = regexp.MustCompile(`(?m)^rsync( error)?: `)

// rsyncRan looks for the protocol version that rsync sends first.
func rsyncRan(stdout, stderr string) bool {
	return strings.HasPrefix(stdout, "@RSYNCD") || (len(stdout) == 4 && strings.HasSuffix(stdout, "\x00\x00\x00")) ||
		ownError.MatchString(stderr)
}

// computed looks for the sum, which no echo of the command line has.
func computed(stdout, _ string) bool { return strings.HasSuffix(stdout, "42\n") }

// try gives whether the host let it through.
func (a attempt) try(ctx context.Context, t Target) (bool, error) {
	var out, msgs bytes.Buffer
	err := command.Run(ctx, command.Cmd{
		Argv:   a.argv,
		Stdin:  strings.NewReader(a.input),
		Stdout: &limitedBuffer{max: 4 << 10, Buffer: &out},
		Stderr: &limitedBuffer{max: 16 << 10, Buffer: &msgs},
		Grace:  2 * time.Second,
	})
	switch {
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case command.NotFound(err):
		return false, errors.New("ssh is not installed: install openssh-client")
	case a.done(out.String(), msgs.String()):
		return true, nil
	case strings.Contains(msgs.String(), "administratively prohibited"):
		// What sshd says of forwarding; for Classify it is a connection that
		// failed.
		return false, nil
	}
	var failed *command.Error
	if errors.As(err, &failed) && failed.Code == 255 {
		if ce := Classify(t, msgs.String()); ce != nil && ce.Kind != ErrConnectionLost {
			return false, ce
		}
	}
	return false, nil
}
