package sshx_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/rsync"
	"planb/internal/sshx"
	"planb/internal/sshx/sshtest"
)

// sender installs planb-sender in a directory of its own.
func sender(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile("../../deploy/host/planb-sender")
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "planb-sender")
	require.NoError(t, os.WriteFile(file, b, 0o755))
	return file
}

// restricted is an sshd whose key may run planb-sender alone, and a tree below
// the machine's "/" to pull.
func restricted(t testing.TB, opts ...sshtest.Options) (s *sshtest.SSH, tree string) {
	t.Helper()
	sshtest.RequireTool(t, "rsync", "rsync")
	o := sshtest.Options{}
	if len(opts) > 0 {
		o = opts[0]
	}
	o.ForcedCommand = sender(t)
	tree = filepath.Join(t.TempDir(), "tree")
	require.NoError(t, os.MkdirAll(filepath.Join(tree, "a dir"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(tree, "a dir", "keep"), []byte("here"), 0o640))
	return sshtest.Server(t, o), tree
}

func TestSenderAnswersAsTheScript(t *testing.T) {
	t.Parallel()
	script, err := os.ReadFile("probe.sh")
	require.NoError(t, err)
	program, err := os.ReadFile("../../deploy/host/planb-sender")
	require.NoError(t, err)
	require.True(t, bytes.HasSuffix(program, script), "planb-sender has to end in the lines of probe.sh")

	sshtest.RequireTool(t, "sudo", "sudo")
	free, bound := sshtest.Server(t).Session(), func() *sshx.Session { s, _ := restricted(t); return s.Session() }()
	dir := filepath.Join(t.TempDir(), "it's; a dir+101\\")
	odd := filepath.Join(dir, "ü $(touch x) `id`\n")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.WriteFile(odd, []byte("until noon\nmore\n"), 0o600))
	for name, spec := range map[string]sshx.ProbeSpec{
		"default":   {},
		"a hold":    {DoNotRunDir: dir},
		"odd path":  {CheckFile: odd, DoNotRunDir: "/nonexistent"},
		"no file":   {CheckFile: odd + "x", DoNotRunDir: "/nonexistent"},
		"sudo":      {Sudo: true, DoNotRunDir: "/nonexistent"},
		"plain one": {CheckFile: "/etc/passwd"},
	} {
		t.Run(name, func(t *testing.T) {
			want, err := sshx.Probe(t.Context(), free, spec)
			require.NoError(t, err)
			require.Empty(t, want.Sender)
			got, err := sshx.Probe(t.Context(), bound, spec)
			require.NoError(t, err)
			require.Equal(t, "1", got.Sender)
			got.Sender = ""
			require.Equal(t, want, got)
		})
	}
}

// flagSamples has a value for each extra flag of a host that takes one.
var flagSamples = map[string][]string{
	"--checksum-choice": {"auto", "md5", "xxh128"},
	"--compress-choice": {"zstd", "lz4", "zlibx", "zlib", "none"},
	"--compress-level":  {"3"},
	"--contimeout":      nil, // for daemons alone
	"--iconv":           {"UTF-8,ISO-8859-1"},
	"--max-alloc":       {"2G", "2GiB"},
	"--max-size":        {"1G"},
	"--min-size":        {"1"},
	"--modify-window":   {"2"},
	"--protocol":        {"29", "30", "32"},
	"--skip-compress":   {"gz/jpg/mp[34]"},
	"--timeout":         {"60"},
}

func TestSenderAllowsEveryPull(t *testing.T) {
	t.Parallel()
	server, tree := restricted(t)
	pulls := map[string]func(*rsync.Pull){
		"plain":            func(*rsync.Pull) {},
		"ACLs and xattrs":  func(p *rsync.Pull) { p.ACLs, p.Xattrs = true, true },
		"sudo":             func(p *rsync.Pull) { p.Sudo = true },
		"sudo and ionice":  func(p *rsync.Pull) { p.Sudo, p.IONice = true, true },
		"ionice":           func(p *rsync.Pull) { p.IONice = true },
		"path of rsync":    func(p *rsync.Pull) { p.RsyncPath = "/usr/bin/rsync" },
		"limits":           func(p *rsync.Pull) { p.Bandwidth, p.MaxDelete = 100<<20, 10 },
		"compressed level": func(p *rsync.Pull) { p.Flags = []string{"--compress", "--compress-level=9"} },
		"skip-compress":    func(p *rsync.Pull) { p.Flags = []string{"-z", "--skip-compress=gz/mp[34]/[Zz]"} },
		"no devices":       func(p *rsync.Pull) { p.Flags = []string{"--no-devices", "--no-specials"} },
		"everything": func(p *rsync.Pull) {
			p.ACLs, p.Xattrs, p.Sudo, p.IONice, p.Bandwidth, p.MaxDelete = true, true, true, true, 100<<20, 10
			p.Flags = []string{"-C", "-I", "-W", "-c", "-x", "-y", "-z", "--timeout=60", "--open-noatime"}
		},
	}
	for _, flag := range rsync.AllowedFlags() {
		values, ok := flagSamples[flag]
		if !ok {
			pulls[flag] = func(p *rsync.Pull) { p.Flags = []string{flag} }
		}
		for _, v := range values {
			pulls[flag+"="+v] = func(p *rsync.Pull) { p.Flags = []string{flag + "=" + v} }
		}
	}
	for name, change := range pulls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if strings.Contains(name, "sudo") || name == "everything" {
				sshtest.RequireTool(t, "sudo", "sudo")
			}
			p := rsync.Pull{
				Session: server.Session(), Dest: t.TempDir(), WorkDir: t.TempDir(),
				Super: os.Geteuid() == 0, Includes: []string{tree},
			}
			change(&p)
			r, err := rsync.Run(t.Context(), p, rsync.RunOptions{})
			require.NoError(t, err)
			require.Equal(t, rsync.OK, r.State, "%s: %v", r.Message, p.Flags)
			b, err := os.ReadFile(filepath.Join(p.Dest, tree, "a dir", "keep"))
			require.NoError(t, err)
			require.Equal(t, "here", string(b))
		})
	}
}

// What planb-sender refuses is told in its own words, and not tried again.
func TestSenderSaysWhatItRefuses(t *testing.T) {
	t.Parallel()
	server, tree := restricted(t)
	p := rsync.Pull{
		Session: server.Session(), Dest: t.TempDir(), WorkDir: t.TempDir(),
		Super: os.Geteuid() == 0, Includes: []string{tree}, RsyncPath: "/opt/bin/rsync",
	}
	r, err := rsync.Run(t.Context(), p, rsync.RunOptions{})
	require.NoError(t, err)
	require.Equal(t, rsync.Failed, r.State)
	require.False(t, r.Retry)
	require.Contains(t, r.Message, `planb-sender: refused: the command "/opt/bin/rsync"`)
}

// refusals are command lines that planb-sender has to refuse. CANARY is a file
// that none of them may make, TREE one that none may change.
var refusals = map[string]string{
	"remove the source":       "rsync --server --sender -logDtpre.iLsfxCIvu --remove-source-files . /",
	"remove what was sent":    "rsync --server --sender -logDtpre.iLsfxCIvu --remove-sent-files . /",
	"log file":                "rsync --server --sender -logDtpre.iLsfxCIvu --log-file=CANARY . /",
	"log file, two words":     "rsync --server --sender -logDtpre.iLsfxCIvu --log-file CANARY . /",
	"log file, abbreviated":   "rsync --server --sender -logDtpre.iLsfxCIvu --log-fil=CANARY . /",
	"log file as the sudoer":  "sudo -n rsync --server --sender -logDtpre.iLsfxCIvu --log-file=CANARY . /",
	"batch":                   "rsync --server --sender -logDtpre.iLsfxCIvu --write-batch=CANARY . /",
	"write":                   "rsync --server -logDtpre.iLsfxCIvu . TREE",
	"write, sender later":     "rsync --server -logDtpre.iLsfxCIvu --sender . /",
	"write as the sudoer":     "sudo -n rsync --server -logDtpre.iLsfxCIvu . TREE",
	"sender twice":            "rsync --server --sender --sender -logDtpre.iLsfxCIvu . /",
	"server twice":            "rsync --server --sender --server -logDtpre.iLsfxCIvu . /",
	"daemon":                  "rsync --server --daemon .",
	"daemon with a file":      "rsync --server --daemon --config=TREE .",
	"daemon in sender's garb": "rsync --server --sender --daemon --config=TREE . /",
	"daemon's parameter":      "rsync --server --sender -r --dparam=log-file=CANARY . /",
	"files from a list":       "rsync --server --sender -r --files-from=/etc/passwd . /",
	"another rsync":           "rsync --server --sender -r --rsync-path=id . /",
	"a remote shell":          "rsync --server --sender -r --rsh=id . /",
	"a remote shell's letter": "rsync --server --sender -r -e id . /",
	"an empty e":              "rsync --server --sender -re . /",
	"unseen options":          "rsync --server --sender -se.LsfxCIvu . /",
	"unseen options, long":    "rsync --server --sender -re.iLsfxCIvu --secluded-args . /",
	"unseen options, old":     "rsync --server --sender -re.iLsfxCIvu --protect-args . /",
	"a letter with a value":   "rsync --server --sender -rB100 . /",
	"a temporary directory":   "rsync --server --sender -rT /tmp . /",
	"backups":                 "rsync --server --sender -rb . /",
	"links followed":          "rsync --server --sender -rL . /",
	"devices as files":        "rsync --server --sender -r --copy-devices . /",
	"super":                   "rsync --server --sender -r --super . /",
	"a value that is none":    "rsync --server --sender -r --bwlimit= . /",
	"a value with a path":     "rsync --server --sender -r --iconv=/tmp/x . /",
	"no value":                "rsync --server --sender -r --bwlimit . /",
	"end of options":          "rsync --server --sender -r -- . /",
	"another path":            "rsync --server --sender -re.iLsfxCIvu . /etc",
	"two paths":               "rsync --server --sender -re.iLsfxCIvu . / /etc",
	"no path":                 "rsync --server --sender -re.iLsfxCIvu .",
	"path for the dot":        "rsync --server --sender -re.iLsfxCIvu /etc /",
	"relative path":           "rsync --server --sender -re.iLsfxCIvu . .",
	"dots":                    "rsync --server --sender -re.iLsfxCIvu . /../",
	"glob":                    "rsync --server --sender -re.iLsfxCIvu . /*",
	"option after the path":   "rsync --server --sender -re.iLsfxCIvu . / --log-file=CANARY",
	"no words after":          "rsync --server --sender",
	"another program":         "/tmp/rsync --server --sender -re.iLsfxCIvu . /",
	"a program nearby":        "./rsync --server --sender -re.iLsfxCIvu . /",
	"rsync of the caller":     "rsync -r / /tmp/x",
	"rsync's version":         "rsync --version",
	"sudo's options":          "sudo -n -u root rsync --server --sender -re.iLsfxCIvu . /",
	"sudo's variables":        "sudo -n PATH=/tmp rsync --server --sender -re.iLsfxCIvu . /",
	"sudo twice":              "sudo -n sudo -n rsync --server --sender -re.iLsfxCIvu . /",
	"a shell through sudo":    "sudo -n sh -c id",
	"itself":                  "planb-sender --root rsync --server --sender -re.iLsfxCIvu . /",
	"a shell":                 "sh -c 'touch CANARY'",
	"a shell on input":        "exec /bin/sh -s",
	"a shell in probe's garb": "exec /bin/sh -s planb-probe; touch CANARY",
	"an unknown question":     "exec /bin/sh -s planb-probe touch",
	"a question with a shell": "exec /bin/sh -s planb-probe check=$(touch CANARY)",
	"scp":                     "scp -t TREE",
	"scp from":                "scp -f /etc/passwd",
	"sftp":                    "/usr/lib/openssh/sftp-server",
	"touch":                   "touch CANARY",
	"semicolon":               "rsync --server --sender -re.iLsfxCIvu . /; touch CANARY",
	"semicolon, no space":     "rsync --server --sender -re.iLsfxCIvu . /;touch CANARY",
	"newline":                 "rsync --server --sender -re.iLsfxCIvu . /\ntouch CANARY",
	"newline first":           "\ntouch CANARY",
	"newline last":            "rsync --server --sender -re.iLsfxCIvu . /\n",
	"backtick":                "rsync --server --sender -re.iLsfxCIvu `touch CANARY` . /",
	"dollar":                  "rsync --server --sender -re.iLsfxCIvu $(touch CANARY) . /",
	"pipe":                    "rsync --server --sender -re.iLsfxCIvu . / | tee CANARY",
	"and":                     "rsync --server --sender -re.iLsfxCIvu . / && touch CANARY",
	"redirection":             "rsync --server --sender -re.iLsfxCIvu . / >CANARY",
	"a variable first":        "RSYNC_RSH=id rsync --server --sender -re.iLsfxCIvu . /",
	"tab":                     "rsync\t--server --sender -re.iLsfxCIvu . /",
	"quotes":                  "rsync --server --sender '-re.iLsfxCIvu --log-file=CANARY' . /",
	"backslash":               `rsync --server --sender \-\-log\-file=CANARY . /`,
	"a wide character":        "rsync --server --sender -r\u00a0--log-file=CANARY . /",
}

func TestSenderRefuses(t *testing.T) {
	t.Parallel()
	_, tree := restricted(t)
	program := sender(t)
	for name, line := range refusals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			canary := filepath.Join(t.TempDir(), "canary")
			line := strings.NewReplacer("CANARY", canary, "TREE", tree).Replace(line)
			// As sshd starts it.
			cmd := exec.Command(program)
			cmd.Env = append(os.Environ(), "SSH_ORIGINAL_COMMAND="+line)
			refused(t, cmd)
			// As sudo does, where no shell has split the words.
			words := strings.Split(strings.TrimPrefix(line, "sudo -n "), " ")
			refused(t, exec.Command(program, append([]string{"--root"}, words...)...))
			refused(t, exec.Command(program, "--root", line))
			refused(t, exec.Command(program, words...))
			require.NoFileExists(t, canary)
		})
	}
}

// Some of them the whole way, since sshd and a login shell come before.
func TestSenderRefusesThroughSSH(t *testing.T) {
	t.Parallel()
	server, tree := restricted(t)
	session := server.Session()
	for _, name := range []string{
		"", "a shell", "a shell through sudo", "backtick", "dollar", "log file", "newline", "newline first",
		"remove the source", "semicolon", "unseen options", "write",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			canary := filepath.Join(t.TempDir(), "canary")
			argv := append(session.Argv(), "127.0.0.1")
			if name != "" {
				argv = append(argv, strings.NewReplacer("CANARY", canary, "TREE", tree).Replace(refusals[name]))
			}
			refused(t, exec.Command(argv[0], argv[1:]...))
			require.NoFileExists(t, canary)
		})
	}
}

// refused runs cmd and wants planb-sender's own refusal and nothing else.
func refused(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("touch /nonexistent/x\n"), &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, stdout.String())
	require.Equal(t, 126, exit.ExitCode(), stderr.String())
	require.Empty(t, stdout.String())
	require.Regexp(t, `^planb-sender: refused: [ -~]+\n$`, stderr.String())
}

// Whole clients, not just their command lines.
func TestSenderRefusesClients(t *testing.T) {
	t.Parallel()
	server, tree := restricted(t)
	session := server.Session()
	shell, err := session.RsyncShell()
	require.NoError(t, err)
	config, mine := session.Argv()[2], t.TempDir()
	upload := filepath.Join(mine, "upload")
	require.NoError(t, os.WriteFile(upload, []byte("x"), 0o600))
	filter := "--filter=merge " + filepath.Join(mine, "filter")
	f, err := rsync.NewFilter([]string{tree}, nil)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(mine, "filter"), f.Bytes(), 0o600))
	for name, argv := range map[string][]string{
		"pull that removes": {"rsync", "-a", "--from0", filter, "--remove-source-files", "-e", shell, "127.0.0.1:/", mine + "/into/"},
		"remote log file":   {"rsync", "-a", "--from0", filter, "-M--log-file=" + tree + "/log", "-e", shell, "127.0.0.1:/", mine + "/into/"},
		"unseen options":    {"rsync", "-a", "-s", "--from0", filter, "-e", shell, "127.0.0.1:/", mine + "/into/"},
		"another path":      {"rsync", "-a", "-e", shell, "127.0.0.1:" + tree + "/", mine + "/into/"},
		"push":              {"rsync", "-a", "-e", shell, upload, "127.0.0.1:" + tree + "/"},
		"push and delete":   {"rsync", "-a", "--delete", "--from0", filter, "-e", shell, mine + "/", "127.0.0.1:/"},
		"daemon over ssh":   {"rsync", "-e", shell, "127.0.0.1::module/", mine + "/into/"},
		"scp":               {"scp", "-F", config, upload, "127.0.0.1:" + tree + "/"},
		"old scp":           {"scp", "-O", "-F", config, upload, "127.0.0.1:" + tree + "/"},
		"sftp":              {"sftp", "-F", config, "-b", "-", "127.0.0.1"},
		"agent and shell":   {"ssh", "-F", config, "-A", "-t", "127.0.0.1", "sh"},
		"port forwarding":   {"ssh", "-F", config, "-W", "127.0.0.1:" + strconv.Itoa(server.Target.Port), "127.0.0.1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(argv[0], argv[1:]...)
			cmd.Stdin = strings.NewReader("put " + upload + " " + tree + "/\n")
			out, err := cmd.CombinedOutput()
			require.Error(t, err, string(out))
			files, err := os.ReadDir(tree)
			require.NoError(t, err)
			require.Len(t, files, 1, "the tree is as it was")
			require.FileExists(t, filepath.Join(tree, "a dir", "keep"))
			require.NoDirExists(t, mine+"/into")
		})
	}
}

// A client that may set any variable still decides nothing.
func TestSenderIgnoresTheEnvironment(t *testing.T) {
	t.Parallel()
	server, tree := restricted(t, sshtest.Options{Config: "AcceptEnv *\n"})
	session, evil := server.Session(), t.TempDir()
	canary := filepath.Join(evil, "canary")
	for _, name := range []string{"rsync", "env", "tr", "id", "logger", "rc"} {
		script := "#!/bin/sh\n/usr/bin/touch " + canary + "\n"
		require.NoError(t, os.WriteFile(filepath.Join(evil, name), []byte(script), 0o755))
	}
	set := "SetEnv=PATH=" + evil + ":/usr/bin ENV=" + evil + "/rc IFS=/. RSYNC_PROTECT_ARGS=1 RSYNC_RSH=" + evil +
		"/rc SSH_CLIENT=$(touch) POSIXLY_CORRECT=1 LANG=tr_TR.UTF-8 sender=2 rsync=" + evil + "/rsync"
	argv := append(append(session.Argv()[:3:3], "-o", set, "--", "127.0.0.1"), "rsync --server --sender -re.iLsfxCIvu . /")
	var stdout bytes.Buffer
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout = &stdout
	require.Error(t, cmd.Run(), "rsync misses its other side")
	require.Len(t, stdout.Bytes(), 4, "the version of rsync's protocol")
	argv[len(argv)-1] = "touch " + tree + "/x"
	refused(t, exec.Command(argv[0], argv[1:]...))
	require.NoFileExists(t, canary)
}

func TestProbeRestriction(t *testing.T) {
	t.Parallel()
	sshtest.RequireTool(t, "sudo", "sudo")
	t.Run("planb-sender", func(t *testing.T) {
		t.Parallel()
		s, tree := restricted(t)
		r, err := sshx.ProbeRestriction(t.Context(), s.Session(), sshx.ProbeSpec{Sudo: true})
		require.NoError(t, err)
		require.Equal(t, sshx.Restriction{Sends: true}, r)
		require.FileExists(t, filepath.Join(tree, "a dir", "keep"))
	})
	for name, c := range map[string]struct {
		options sshtest.Options
		sudo    bool
		want    sshx.Restriction
	}{
		"any key": {
			want: sshx.Restriction{Sends: true, Allowed: []string{"any command"}},
		},
		"any key of somebody who is root by sudo": {
			sudo: true,
			want: sshx.Restriction{Sends: true, Allowed: []string{"any command as root"}},
		},
		"a pattern that trusts all of rsync": {
			options: sshtest.Options{ForcedCommand: `case $SSH_ORIGINAL_COMMAND in *\;*) exit 1;; "rsync --server "*) exec $SSH_ORIGINAL_COMMAND;; esac; exit 1`},
			want: sshx.Restriction{Sends: true, Allowed: []string{
				"rsync that writes files", "rsync --remove-source-files", "rsync --log-file", "rsync --daemon",
				"rsync with options that come unseen (--secluded-args)",
			}},
		},
		"a pattern that trusts the sender": {
			options: sshtest.Options{ForcedCommand: `case $SSH_ORIGINAL_COMMAND in *\;*) exit 1;; "rsync --server --sender "*) exec $SSH_ORIGINAL_COMMAND;; esac; exit 1`},
			want: sshx.Restriction{Sends: true, Allowed: []string{
				"rsync --remove-source-files", "rsync --log-file", "rsync with options that come unseen (--secluded-args)",
			}},
		},
		"a pattern that a shell reads": {
			options: sshtest.Options{ForcedCommand: `case $SSH_ORIGINAL_COMMAND in *--*file*) exit 1;; "rsync --server --sender -n"*) eval "$SSH_ORIGINAL_COMMAND";; esac`},
			want:    sshx.Restriction{Sends: true, Allowed: []string{"a second command after a semicolon"}},
		},
		"nothing at all": {
			options: sshtest.Options{ForcedCommand: "echo no >&2; exit 1"},
			want:    sshx.Restriction{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := sshtest.Server(t, c.options)
			r, err := sshx.ProbeRestriction(t.Context(), s.Session(), sshx.ProbeSpec{Sudo: c.sudo})
			require.NoError(t, err)
			require.Equal(t, c.want, r)
		})
	}
	t.Run("sftp and forwarding", func(t *testing.T) {
		t.Parallel()
		// A forced command in sshd_config leaves both to themselves.
		s := sshtest.Server(t, sshtest.Options{Config: "Subsystem sftp internal-sftp\n"})
		keys := filepath.Join(s.Dir, "authorized_keys")
		b, err := os.ReadFile(keys)
		require.NoError(t, err)
		guard := filepath.Join(s.Dir, "guard")
		script := "#!/bin/sh\ncase $SSH_ORIGINAL_COMMAND in internal-sftp) exec /usr/lib/openssh/sftp-server;; esac\nexec " + sender(t) + "\n"
		require.NoError(t, os.WriteFile(guard, []byte(script), 0o755))
		require.NoError(t, os.WriteFile(keys, append([]byte(`command="`+guard+`" `), b...), 0o600))
		r, err := sshx.ProbeRestriction(t.Context(), s.Session(), sshx.ProbeSpec{})
		require.NoError(t, err)
		require.Equal(t, []string{"sftp", "connections to its network (port forwarding)"}, r.Allowed)
	})
	t.Run("a host that is not there", func(t *testing.T) {
		t.Parallel()
		s := sshtest.Server(t)
		s.Kill()
		_, err := sshx.ProbeRestriction(t.Context(), s.Session(), sshx.ProbeSpec{})
		require.ErrorIs(t, err, sshx.ErrUnreachable)
	})
}
