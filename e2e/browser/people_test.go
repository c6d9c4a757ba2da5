package browser

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// password is that of everybody here.
const password = "a long enough pass phrase 42"

// addUser adds somebody who may sign in.
func addUser(t testing.TB, name string, flags ...string) {
	t.Helper()
	planb(t, password+"\n", append([]string{"user", "add", name}, flags...)...)
}

// planb runs a command that succeeds, with something to read.
func planb(t testing.TB, stdin string, args ...string) {
	t.Helper()
	cmd := stack.Command(t.Context(), args...)
	cmd.Stdin = strings.NewReader(stdin)
	out, err := combined(cmd)
	require.NoError(t, err, "planb %q: %s", args, out)
}

func combined(cmd *exec.Cmd) (string, error) {
	out, err := cmd.CombinedOutput()
	return string(out), err
}
