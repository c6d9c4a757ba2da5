// Package rsync pulls the files of hosts and copies them back: the command
// line, the filter rules, progress, statistics, and what an end means.
package rsync

import (
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"planb/internal/sshx"
)

// Pull is one transfer of a host's files into its dataset. The source is
// always the root of the host (or of the daemon's module), cut down by the
// filter rules, so that nothing which varies per host reaches the remote
// command line.
type Pull struct {
	// Session is the way to the host; nil when Daemon is set.
	Session *sshx.Session
	// Daemon is an rsync daemon to pull from, instead of ssh.
	Daemon *Daemon
	// Dest is the absolute path of the dataset's data directory. It must exist.
	Dest string
	// WorkDir is where the filter rules are written for the time of the run, as
	// the file "filter"; two runs at once need two of them.
	WorkDir string
	// Includes and Excludes are as NewFilter takes them.
	Includes, Excludes []string
	// Flags are extra flags, as CheckFlags allows them.
	Flags []string
	// Tolerate are patterns as Excludes; errors about paths that match them
	// make a warning instead of a partial run.
	Tolerate []string
	// RsyncPath is the remote rsync, a plain path; empty means "rsync".
	RsyncPath string
	// Sudo runs the remote rsync through sudo, IONice at idle I/O priority.
	Sudo, IONice bool
	// Super says that the receiver is root and stores owners and devices as
	// they are. Without it they go into extended attributes (--fake-super),
	// where Xattrs says that the dataset has those.
	Super bool
	// ACLs and Xattrs say that both the dataset and the host's rsync have them.
	ACLs, Xattrs bool
	// Bandwidth limits the transfer, in bytes per second; 0 means no limit.
	Bandwidth int64
	// MaxDelete is how many files may be deleted before rsync stops deleting
	// (exit code 25); 0 means no limit.
	MaxDelete int

	// nanoseconds says that Dest keeps them in a file's times; Run finds out.
	nanoseconds bool
}

// Daemon is an rsync daemon: host::module.
type Daemon struct {
	Address string
	// Port is 873 when 0.
	Port   int
	Module string
	User   string
	// PasswordFile holds the password, readable by its owner alone; the
	// password itself never reaches a command line.
	PasswordFile string
}

var (
	moduleRE    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_. -]*$`)
	daemonRE    = regexp.MustCompile(`^[A-Za-z0-9_:][A-Za-z0-9._:-]*$`)
	userRE      = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]*$`)
	rsyncPathRE = regexp.MustCompile(`^(/[A-Za-z0-9._+-]+)*/?[A-Za-z0-9_][A-Za-z0-9._+-]*$`)
)

// Argv gives the whole command line; filterFile holds the rules of NewFilter.
func (p Pull) Argv(filterFile string) ([]string, error) {
	if !filepath.IsAbs(p.Dest) {
		return nil, fmt.Errorf("%q is not usable as a destination: it must be an absolute path", p.Dest)
	}
	flags, err := CheckFlags(p.Flags)
	if err != nil {
		return nil, err
	}
	argv := append([]string{"rsync"}, profile(p.Super, p.ACLs, p.Xattrs)...)
	// Deletion during the transfer: the others hold the whole file list first.
	argv = append(argv, "--delete-during", "--delete-excluded", "--inplace", "--no-whole-file", "--partial")
	if p.nanoseconds {
		// By default a file that changed twice within a second, and kept its
		// size, passes for unchanged.
		argv = append(argv, "--modify-window=-1")
	}
	argv = append(argv, pullReporting()...)
	if p.Bandwidth > 0 {
		// In KiB per second, which every version understands; at least 1.
		argv = append(argv, "--bwlimit="+strconv.FormatInt(max(1, p.Bandwidth/1024), 10))
	}
	if p.MaxDelete > 0 {
		argv = append(argv, "--max-delete="+strconv.Itoa(p.MaxDelete))
	}
	argv = append(argv, flags...)
	argv = append(argv, "--from0", "--filter=merge "+filterFile)
	source, err := p.source(&argv)
	if err != nil {
		return nil, err
	}
	return append(argv, "--", source, filepath.Clean(p.Dest)+"/"), nil
}

// profile is what PlanB keeps of a file.
func profile(super, acls, xattrs bool) []string {
	letters := "-rlptgoDH"
	if acls {
		letters += "A"
	}
	if xattrs {
		letters += "X"
	}
	// Without --chmod, which stores false modes under --fake-super (rsync
	// issue 750), and without --sparse, which rewrites unchanged blocks under
	// --inplace (issue 799).
	args := []string{letters, "--numeric-ids"}
	if !super && xattrs {
		args = append(args, "--fake-super")
	}
	return args
}

// reporting makes rsync say what Parser reads.
func reporting() []string { return append(reports(), "--debug=genr1", "--out-format=%i %n") }

func reports() []string {
	return []string{"--stats", "--no-human-readable", "--8-bit-output", "--outbuf=L", "--info=progress2,name2,del1"}
}

// pullFormat makes rsync tell of each file that it received how many bytes it
// has, when it was last changed, and the checksum that the host's rsync made of
// what it sent. For the checksum's sake the line comes once the file is here.
const pullFormat = "%i|%l|%M|%C|%n"

// pullReporting is reporting with checksums. What is being received is told
// beforehand by recv1.
func pullReporting() []string {
	return append(reports(), "--debug=genr1,recv1", "--out-format="+pullFormat)
}

func (p Pull) source(argv *[]string) (string, error) {
	switch {
	case p.Session != nil && p.Daemon != nil:
		return "", errors.New("a pull goes over ssh or to an rsync daemon, not both")
	case p.Session != nil:
		shell, err := p.Session.RsyncShell()
		if err != nil {
			return "", err
		}
		remote, err := p.remoteProgram()
		if err != nil {
			return "", err
		}
		*argv = append(*argv, "--rsh="+shell)
		if remote != "rsync" {
			*argv = append(*argv, "--rsync-path="+remote)
		}
		return bracket(p.Session.Target.Address) + ":/", nil
	case p.Daemon != nil:
		return p.Daemon.source(argv)
	}
	return "", errors.New("a pull needs an ssh session or an rsync daemon")
}

// remoteProgram is read by the remote shell; it is made of constants and a
// path that needs no quoting.
func (p Pull) remoteProgram() (string, error) {
	program := p.RsyncPath
	if program == "" {
		program = "rsync"
	}
	if !rsyncPathRE.MatchString(program) {
		return "", fmt.Errorf("%q is not usable as the path of the remote rsync: use letters, digits and /._+-", program)
	}
	if p.Sudo {
		program = "sudo -n " + program
	}
	if p.IONice {
		program = "ionice -c3 " + program
	}
	return program, nil
}

func (d Daemon) source(argv *[]string) (string, error) {
	switch {
	case !daemonRE.MatchString(d.Address):
		return "", fmt.Errorf("%q is not an address: give a host name or an IP address", d.Address)
	case !moduleRE.MatchString(d.Module):
		return "", fmt.Errorf("%q is not usable as an rsync module: use letters, digits, spaces and _.-", d.Module)
	case d.User != "" && !userRE.MatchString(d.User):
		return "", fmt.Errorf("%q is not usable as an rsync user: use letters, digits and _.-", d.User)
	case d.PasswordFile != "" && !filepath.IsAbs(d.PasswordFile):
		return "", fmt.Errorf("%q is not usable as a password file: give an absolute path", d.PasswordFile)
	case d.Port < 0 || d.Port > 65535:
		return "", fmt.Errorf("%d is not a port: give a number from 1 to 65535", d.Port)
	}
	*argv = append(*argv, "--no-motd", "--contimeout=20")
	if d.Port != 0 {
		*argv = append(*argv, "--port="+strconv.Itoa(d.Port))
	}
	if d.PasswordFile != "" {
		*argv = append(*argv, "--password-file="+d.PasswordFile)
	}
	source := bracket(d.Address) + "::" + d.Module + "/"
	if d.User != "" {
		source = d.User + "@" + source
	}
	return source, nil
}

// bracket puts an IPv6 address as rsync wants it.
func bracket(address string) string {
	if ip, _, _ := strings.Cut(address, "%"); strings.Contains(ip, ":") && net.ParseIP(ip) != nil {
		return "[" + address + "]"
	}
	return address
}

// environment keeps the caller's RSYNC_* variables from having a say in what is
// sent and how. RSYNC_CONNECT_PROG is not among them: empty, it would be run.
func environment() []string {
	return []string{
		"RSYNC_ICONV=", "RSYNC_PARTIAL_DIR=", "RSYNC_PASSWORD=",
		// Times of files are told in it.
		"TZ=UTC0",
		"RSYNC_PROTECT_ARGS=0", "RSYNC_OLD_ARGS=0", "RSYNC_PROXY=", "RSYNC_CHECKSUM_LIST=", "RSYNC_COMPRESS_LIST=",
	}
}
