package sshx_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/rsync"
	"planb/internal/sshx/sshtest"
)

// receiver installs planb-receiver in a directory of its own, and gives one more
// to receive files in, whose name needs no quoting.
func receiver(t testing.TB) (program, dir string) {
	t.Helper()
	b, err := os.ReadFile("../../deploy/host/planb-receiver")
	require.NoError(t, err)
	program = filepath.Join(t.TempDir(), "planb-receiver")
	require.NoError(t, os.WriteFile(program, b, 0o755))
	dir, err = os.MkdirTemp("", "planb-receiver-")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	return program, dir
}

// push restores a small tree to a host whose key may run planb-receiver alone.
func push(t testing.TB, flags string, change func(*rsync.Restore)) (rsync.RestoreReport, string) {
	t.Helper()
	program, dir := receiver(t)
	server := sshtest.Server(t, sshtest.Options{ForcedCommand: program + " " + flags + " " + dir})
	source := t.TempDir()
	for name, text := range map[string]string{"etc/new": "new", "etc/there": "from the snapshot"} {
		require.NoError(t, os.MkdirAll(filepath.Join(source, "etc"), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(source, name), []byte(text), 0o640))
	}
	require.NoError(t, os.Mkdir(filepath.Join(dir, "etc"), 0o755))
	for name, text := range map[string]string{"etc/there": "the host's", "etc/extra": "extra"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o640))
	}
	r := rsync.Restore{
		Source: source, Paths: []string{"/etc"}, Dest: dir, Session: server.Session(), ACLs: true, Xattrs: true, FakeSuper: true,
		WorkDir: filepath.Join(t.TempDir(), "run"),
	}
	if change != nil {
		change(&r)
	}
	report, err := rsync.RunRestore(t.Context(), r, rsync.RunOptions{})
	require.NoError(t, err)
	return report, dir
}

func TestReceiverAllowsRestores(t *testing.T) {
	t.Parallel()
	text := func(dir, name string) string {
		b, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		return string(b)
	}
	for _, sudo := range []bool{false, true} {
		if sudo {
			sshtest.RequireTool(t, "sudo", "sudo")
		}
		t.Run(map[bool]string{false: "as root", true: "through sudo"}[sudo], func(t *testing.T) {
			t.Parallel()
			r, dir := push(t, "", func(r *rsync.Restore) { r.Sudo = sudo })
			require.Equal(t, rsync.Warning, r.State, r.Message)
			require.Equal(t, "new", text(dir, "etc/new"))
			require.Equal(t, "the host's", text(dir, "etc/there"))
			r, dir = push(t, "", func(r *rsync.Restore) { r.Sudo, r.Dest = sudo, r.Dest+"/made/for/it" })
			require.Equal(t, rsync.OK, r.State, r.Message)
			require.Equal(t, "new", text(dir, "made/for/it/etc/new"))
			r, dir = push(t, "--allow-overwrite --allow-delete", func(r *rsync.Restore) { r.Sudo, r.Overwrite, r.Delete = sudo, true, true })
			require.Equal(t, rsync.OK, r.State, r.Message)
			require.Equal(t, "from the snapshot", text(dir, "etc/there"))
			require.NoFileExists(t, filepath.Join(dir, "etc/extra"))
			// To look is allowed, whatever it would do.
			r, dir = push(t, "", func(r *rsync.Restore) { r.Sudo, r.Overwrite, r.Delete, r.DryRun = sudo, true, true, true })
			require.Equal(t, rsync.OK, r.State, r.Message)
			require.EqualValues(t, 1, r.Counts.Deleted)
			require.Equal(t, "the host's", text(dir, "etc/there"))
			require.FileExists(t, filepath.Join(dir, "etc/extra"))
		})
	}
}

// What the line in authorized_keys does not allow is refused in words, and not
// tried again.
func TestReceiverRefusesWhatItsLineDoesNotAllow(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*rsync.Restore)
		want   string
	}{
		"overwrite": {func(r *rsync.Restore) { r.Overwrite = true }, "may not (--allow-overwrite)"},
		"delete":    {func(r *rsync.Restore) { r.Delete = true }, "may not delete (--allow-delete)"},
		"elsewhere": {func(r *rsync.Restore) { r.Dest = filepath.Dir(r.Dest) + "/elsewhere" }, "it is not below"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, dir := push(t, "", c.change)
			require.Equal(t, rsync.Failed, r.State)
			require.False(t, r.Retry)
			require.Contains(t, r.Message, "planb-receiver: refused: ")
			require.Contains(t, r.Message, c.want)
			require.Contains(t, r.Remedy, "authorized_keys")
			b, err := os.ReadFile(filepath.Join(dir, "etc/there"))
			require.NoError(t, err)
			require.Equal(t, "the host's", string(b))
			require.FileExists(t, filepath.Join(dir, "etc/extra"))
		})
	}
}

// receiverRefusals are command lines for a key that may overwrite and delete
// below DIR. OUT is a directory elsewhere, CANARY a file there that none of them
// may make.
var receiverRefusals = map[string]string{
	"send":                    "rsync --server --sender -logDtpre.iLsfxCIvu . /",
	"send, later":             "rsync --server -logDtpre.iLsfxCIvu --sender . DIR",
	"elsewhere":               "rsync --server -logDtpre.iLsfxCIvu . OUT",
	"a neighbour by name":     "rsync --server -logDtpre.iLsfxCIvu . DIRx",
	"dots":                    "rsync --server -logDtpre.iLsfxCIvu . DIR/../x",
	"dots at the end":         "rsync --server -logDtpre.iLsfxCIvu . DIR/..",
	"the root":                "rsync --server -logDtpre.iLsfxCIvu . /",
	"relative":                "rsync --server -logDtpre.iLsfxCIvu . x",
	"home":                    "rsync --server -logDtpre.iLsfxCIvu . ~/x",
	"a link out":              "rsync --server -logDtpre.iLsfxCIvu . DIR/out",
	"below a link out":        "rsync --server -logDtpre.iLsfxCIvu . DIR/out/new/x",
	"a dangling link":         "rsync --server -logDtpre.iLsfxCIvu . DIR/dangling/x",
	"a file":                  "rsync --server -logDtpre.iLsfxCIvu . DIR/file/x",
	"two paths":               "rsync --server -logDtpre.iLsfxCIvu . DIR OUT",
	"no path":                 "rsync --server -logDtpre.iLsfxCIvu .",
	"option after the path":   "rsync --server -logDtpre.iLsfxCIvu . DIR --log-file=CANARY",
	"links followed":          "rsync --server -logDtprKe.iLsfxCIvu . DIR",
	"backups":                 "rsync --server -logDtprbe.iLsfxCIvu . DIR",
	"backups elsewhere":       "rsync --server -logDtpre.iLsfxCIvu --backup-dir=OUT . DIR",
	"temporary files":         "rsync --server -logDtpre.iLsfxCIvu --temp-dir=OUT . DIR",
	"temporary files, letter": "rsync --server -rT OUT . DIR",
	"partial files":           "rsync --server -logDtpre.iLsfxCIvu --partial-dir=OUT . DIR",
	"links to elsewhere":      "rsync --server -logDtpre.iLsfxCIvu --link-dest=OUT . DIR",
	"copies of elsewhere":     "rsync --server -logDtpre.iLsfxCIvu --copy-dest=OUT . DIR",
	"log file":                "rsync --server -logDtpre.iLsfxCIvu --log-file=CANARY . DIR",
	"log format":              "rsync --server -logDtpre.iLsfxCIvu --log-format=%o . DIR",
	"owners":                  "rsync --server -logDtpre.iLsfxCIvu --usermap=*:root . DIR",
	"modes":                   "rsync --server -logDtpre.iLsfxCIvu --chmod=a+s . DIR",
	"write devices":           "rsync --server -logDtpre.iLsfxCIvu --write-devices . DIR",
	"in place":                "rsync --server -logDtpre.iLsfxCIvu --inplace . DIR",
	"delete the excluded":     "rsync --server -logDtpre.iLsfxCIvu --delete-excluded . DIR",
	"delete missing":          "rsync --server -logDtpre.iLsfxCIvu --delete-missing-args . DIR",
	"fake super":              "rsync --server -logDtpre.iLsfxCIvu --fake-super . DIR",
	"files from a list":       "rsync --server -r --files-from=/etc/passwd . DIR",
	"unseen options":          "rsync --server -se.LsfxCIvu . DIR",
	"unseen options, long":    "rsync --server -re.iLsfxCIvu --secluded-args . DIR",
	"a remote shell":          "rsync --server -r --rsh=id . DIR",
	"an empty e":              "rsync --server -re . DIR",
	"daemon":                  "rsync --server --daemon .",
	"another program":         "/tmp/rsync --server -re.iLsfxCIvu . DIR",
	"rsync of the caller":     "rsync -r / DIR",
	"sudo's options":          "sudo -n -u root rsync --server -re.iLsfxCIvu . DIR",
	"itself":                  "planb-receiver --root / rsync --server -re.iLsfxCIvu . OUT",
	"a shell":                 "sh -c 'touch CANARY'",
	"touch":                   "touch CANARY",
	"scp":                     "scp -t DIR",
	"sftp":                    "/usr/lib/openssh/sftp-server",
	"semicolon":               "rsync --server -re.iLsfxCIvu . DIR;touch CANARY",
	"newline":                 "rsync --server -re.iLsfxCIvu . DIR\ntouch CANARY",
	"newline last":            "rsync --server -re.iLsfxCIvu . DIR\n",
	"backtick":                "rsync --server -re.iLsfxCIvu . DIR/`touch CANARY`",
	"dollar":                  "rsync --server -re.iLsfxCIvu . DIR/$(touch CANARY)",
	"glob":                    "rsync --server -re.iLsfxCIvu . DIR/*",
	"backslash":               `rsync --server -re.iLsfxCIvu . DIR/\.\.`,
	"tab":                     "rsync\t--server -re.iLsfxCIvu . DIR",
	"quotes":                  "rsync --server '-re.iLsfxCIvu' . DIR",
	"nothing":                 "",
}

func TestReceiverRefuses(t *testing.T) {
	t.Parallel()
	program, dir := receiver(t)
	out := t.TempDir()
	require.NoError(t, os.Symlink(out, filepath.Join(dir, "out")))
	require.NoError(t, os.Symlink(filepath.Join(out, "none"), filepath.Join(dir, "dangling")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	for name, line := range receiverRefusals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			canary := filepath.Join(out, "canary")
			line := strings.NewReplacer("CANARY", canary, "DIR", dir, "OUT", out).Replace(line)
			cmd := exec.Command(program, "--allow-overwrite", "--allow-delete", dir)
			cmd.Env = append(os.Environ(), "SSH_ORIGINAL_COMMAND="+line)
			receiverRefused(t, cmd)
			words := strings.Split(strings.TrimPrefix(line, "sudo -n "), " ")
			receiverRefused(t, exec.Command(program, append([]string{"--root", "--allow-overwrite", dir}, words...)...))
			receiverRefused(t, exec.Command(program, "--root", dir, line))
			receiverRefused(t, exec.Command(program, append([]string{dir}, words...)...))
			entries, err := os.ReadDir(out)
			require.NoError(t, err)
			require.Empty(t, entries)
		})
	}
}

// A line in authorized_keys that makes no sense allows nothing.
func TestReceiverWantsADirectory(t *testing.T) {
	t.Parallel()
	program, dir := receiver(t)
	for _, args := range [][]string{{}, {"--allow-delete"}, {"srv"}, {"--allow"}, {dir, dir}, {dir + "/a b"}, {"--root"}, {"--root", "--root", dir}} {
		cmd := exec.Command(program, args...)
		cmd.Env = append(os.Environ(), "SSH_ORIGINAL_COMMAND=rsync --server -nre.iLsfxCIvu . "+dir)
		receiverRefused(t, cmd)
	}
	cmd := exec.Command(program, dir+"/none")
	cmd.Env = append(os.Environ(), "SSH_ORIGINAL_COMMAND=rsync --server -nre.iLsfxCIvu . "+dir+"/none/x")
	receiverRefused(t, cmd)
}

func receiverRefused(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader("touch /nonexistent/x\n"), &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	require.ErrorAs(t, err, &exit, stdout.String())
	require.Equal(t, 126, exit.ExitCode(), stderr.String())
	require.Empty(t, stdout.String())
	require.Regexp(t, `^planb-receiver: refused: [ -~]+\n$`, stderr.String())
}
