package rsync

import (
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/sshx"
)

var testTarget = &sshx.Target{Alias: "acme/web1", Address: "192.0.2.1", User: "backup", KeyFile: "/nonexistent/key"}

func concluded(code int, signal syscall.Signal, stats *Stats, tolerate []string, stderr ...string) Result {
	m, err := newMatcher(tolerate)
	if err != nil {
		panic(err)
	}
	r := Result{Stats: stats}
	said := messages{dest: "/tank/acme/web1/data", tolerate: m, result: &r}
	_, _ = said.Write([]byte(strings.Join(stderr, "\n")))
	said.flush()
	said.conclude("acme/web1", testTarget, code, signal)
	return r
}

// Every code that rsync, a shell or ssh can end with, when nothing was said.
func TestEveryExitCode(t *testing.T) {
	t.Parallel()
	want := map[int]struct {
		state State
		retry bool
	}{
		0: {OK, false}, 1: {Failed, false}, 2: {Failed, false}, 3: {Failed, false}, 4: {Failed, false},
		5: {Failed, false}, 6: {Failed, false}, 10: {Failed, true}, 11: {Failed, false}, 12: {Failed, true},
		13: {Failed, false}, 14: {Failed, true}, 15: {Failed, true}, 16: {Failed, true}, 19: {Failed, true},
		20: {Failed, true}, 21: {Failed, true}, 22: {Failed, false}, 23: {Partial, false}, 24: {Warning, false},
		25: {Partial, false}, 30: {Failed, true}, 35: {Failed, true}, 124: {Failed, true}, 125: {Failed, true},
		126: {Failed, false}, 127: {Failed, false}, 137: {Failed, true}, 143: {Failed, true}, 255: {Failed, true},
	}
	for code := range 256 {
		w, known := want[code]
		if !known {
			w.state = Failed
		}
		r := concluded(code, 0, &Stats{FilesTotal: 3}, nil)
		require.Equal(t, w.state, r.State, code)
		require.Equal(t, w.retry, r.Retry, code)
		require.Equal(t, code, r.Code)
		if code == 0 {
			require.Empty(t, r.Message)
			continue
		}
		require.True(t, strings.HasPrefix(r.Message, "acme/web1: "), r.Message)
		require.NotContains(t, r.Message, "\n")
		if r.State == Failed && !r.Retry {
			require.NotEmpty(t, r.Remedy, "code %d fails for good and says not what to do", code)
		}
		require.Equal(t, known, !strings.Contains(r.Message, "unknown code "+strconv.Itoa(code)))
	}
	r := concluded(-1, syscall.SIGKILL, nil, nil)
	require.Equal(t, Failed, r.State)
	require.Equal(t, TypeKilled, r.Type)
	require.True(t, r.Retry)
}

// Texts that rsync 2.6 to 3.5, OpenSSH, sudo and shells write.
func TestWhatIsSaidCounts(t *testing.T) {
	t.Parallel()
	some := &Stats{FilesTotal: 3}
	for name, c := range map[string]struct {
		code     int
		stats    *Stats
		tolerate []string
		stderr   []string
		state    State
		kind     Type
		want     string
	}{
		"old rsync names no side": {23, some, nil, []string{`rsync: send_files failed to open "/etc/x": Permission denied (13)`}, Partial, TypePartial, "1 file could not be taken (/etc/x: Permission denied)"},
		"daemon names the module": {23, some, nil, []string{`rsync: [sender] send_files failed to open "/etc/x" (in backup): Permission denied (13)`}, Partial, TypePartial, "(/etc/x: Permission denied)"},
		"I/O error on the host":   {23, some, nil, []string{`rsync: [sender] read errors mapping "/srv/db": Input/output error (5)`, `ERROR: srv/db failed verification -- update discarded.`}, Partial, TypePartial, "2 files could not be taken (/srv/db: Input/output error)"},
		"path with a quote":       {23, some, nil, []string{`rsync: [sender] link_stat "/a "b" c" failed: Permission denied (13)`}, Partial, TypePartial, `(/a "b" c: Permission denied)`},
		"extended attribute":      {23, some, nil, []string{`rsync: [receiver] rsync_xal_set: lsetxattr("/tank/acme/web1/data/etc/x","user.a") failed: Operation not supported (95)`}, Partial, TypePartial, "(/etc/x: Operation not supported)"},
		"path of the receiver":    {23, some, nil, []string{`rsync: [receiver] mkstemp "/tank/acme/web1/data/etc/x" failed: Permission denied (13)`}, Partial, TypePartial, "(/etc/x: Permission denied)"},
		"tolerated":               {23, some, []string{"home/*/.gvfs"}, []string{`rsync: [sender] readlink_stat("/home/anna/.gvfs") failed: Permission denied (13)`}, Warning, TypeVanished, "1 tolerated file could not be taken"},
		"tolerated below":         {23, some, []string{"/run"}, []string{`rsync: [sender] opendir "/run/user/1000" failed: Permission denied (13)`, "IO error encountered -- skipping file deletion"}, Warning, TypeVanished, "nothing was deleted"},
		"not all tolerated":       {23, some, []string{"/run"}, []string{`rsync: [sender] opendir "/run/x" failed: Permission denied (13)`, `rsync: [sender] opendir "/etc" failed: Permission denied (13)`}, Partial, TypePartial, "1 file could not be taken (/etc: Permission denied)"},
		"general and tolerated":   {23, some, []string{"/run"}, []string{`rsync: [sender] opendir "/run/x" failed: Permission denied (13)`, `rsync: something else went wrong`}, Partial, TypePartial, "something else went wrong"},
		"vanished":                {24, some, nil, []string{`file has vanished: "/var/spool/a b"`, `directory has vanished: "/tmp/x"`, `file has vanished: "/x" (in backup)`, "rsync warning: some files vanished before they could be transferred (code 24) at main.c(1865) [generator=3.2.7]"}, Warning, TypeVanished, "3 files vanished"},
		"no root":                 {23, &Stats{}, nil, []string{`rsync: [sender] change_dir "/data" failed: No such file or directory (2)`}, Failed, TypeFiles, "(/data: No such file or directory)"},
		"full":                    {11, nil, nil, []string{`rsync: [receiver] write failed on "/tank/acme/web1/data/big": No space left on device (28)`, "rsync error: error in file IO (code 11) at receiver.c(380) [receiver=3.2.7]"}, Failed, TypeNoSpace, "storage is full"},
		"quota":                   {23, some, nil, []string{`rsync: [generator] recv_generator: mkdir "/tank/acme/web1/data/d" failed: Disk quota exceeded (122)`}, Failed, TypeNoSpace, "storage is full (Disk quota exceeded)"},
		"full at the host":        {23, some, nil, []string{`rsync: [sender] open "/x" failed: No space left on device (28)`}, Partial, TypePartial, "/x: No space"},
		"bash without rsync":      {127, nil, nil, []string{"bash: line 1: rsync: command not found"}, Failed, TypeNoRsync, "the host has no rsync"},
		"dash without rsync":      {12, nil, nil, []string{"sh: 1: rsync: not found", "rsync: connection unexpectedly closed (0 bytes received so far) [Receiver]"}, Failed, TypeNoRsync, "the host has no rsync"},
		"sudo asks":               {1, nil, nil, []string{"sudo: a password is required", "rsync: connection unexpectedly closed (0 bytes received so far) [Receiver]"}, Failed, TypeSudo, "sudo does not let"},
		"the key is bound":        {126, nil, nil, []string{`planb-sender: refused: the command "/opt/rsync"`, "rsync: connection unexpectedly closed (0 bytes received so far) [Receiver]"}, Failed, TypeUsage, `may not run this rsync there (planb-sender: refused: the command "/opt/rsync")`},
		"restores are bound":      {126, nil, nil, []string{`planb-receiver: refused: to replace files: this key may not (--allow-overwrite)`, "rsync: connection unexpectedly closed (0 bytes received so far) [sender]"}, Failed, TypeRefused, `may not do this there (planb-receiver: refused: to replace files`},
		"sudo absent":             {127, nil, nil, []string{"sh: 1: sudo: not found"}, Failed, TypeSudo, "the host has no sudo"},
		"ionice absent":           {127, nil, nil, []string{"bash: line 1: ionice: command not found"}, Failed, TypeNoRsync, "the host has no ionice"},
		"refused key":             {255, nil, nil, []string{"backup@192.0.2.1: Permission denied (publickey).", "rsync: connection unexpectedly closed (0 bytes received so far) [Receiver]"}, Failed, TypeAuth, "there is no key file /nonexistent/key for acme/web1"},
		"timeout":                 {255, nil, nil, []string{"ssh: connect to host 192.0.2.1 port 22: Connection timed out"}, Failed, TypeUnreachable, "acme/web1 is unreachable at 192.0.2.1 port 22 (Connection timed out)"},
		"name":                    {255, nil, nil, []string{"ssh: Could not resolve hostname web1.example: Name or service not known"}, Failed, TypeUnreachable, "(Name or service not known)"},
		"keepalive":               {255, nil, nil, []string{"Timeout, server 192.0.2.1 not responding."}, Failed, TypeNetwork, "connection to acme/web1 was lost"},
		"cut":                     {12, nil, nil, []string{"client_loop: send disconnect: Broken pipe"}, Failed, TypeNetwork, "connection to acme/web1 was lost"},
		"max connections":         {5, nil, nil, []string{"@ERROR: max connections (4) reached -- try again later"}, Failed, TypeNetwork, "too many connections"},
		"noise":                   {2, nil, nil, []string{"protocol version mismatch -- is your shell clean?"}, Failed, TypeShell, "do not understand each other"},
		"skipped at the end":      {0, some, nil, []string{"IO error encountered -- skipping file deletion"}, Partial, TypePartial, "nothing was deleted"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := concluded(c.code, 0, c.stats, c.tolerate, c.stderr...)
			require.Equal(t, c.state, r.State, r.Message)
			require.Equal(t, c.kind, r.Type, r.Message)
			require.Contains(t, r.Message, c.want)
		})
	}
}

// A host that fails on every file makes no endless lists.
func TestListsAreBounded(t *testing.T) {
	t.Parallel()
	var lines []string
	for i := range 3 * MaxListed {
		n := strconv.Itoa(i)
		lines = append(lines, `file has vanished: "/a/`+n+`"`, `rsync: [sender] opendir "/b/`+n+`" failed: Permission denied (13)`)
	}
	lines = append(lines, strings.Repeat("x", 1<<20))
	r := concluded(23, 0, &Stats{FilesTotal: 1}, nil, lines...)
	require.Equal(t, 3*MaxListed, r.VanishedCount)
	require.Equal(t, 3*MaxListed, r.FailedCount)
	require.Len(t, r.Vanished, MaxListed)
	require.Len(t, r.Failed, MaxListed)
	require.LessOrEqual(t, len(r.Tail[len(r.Tail)-1]), maxMessage)
	require.Equal(t, 6*MaxListed, r.Warnings())
}
