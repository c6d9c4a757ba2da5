// Package browser uses the pages as people do: in Chromium, against the real
// PostgreSQL, Temporal, ZFS, OpenSSH and rsync.
package browser

import (
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	// The program is built by these tests rather than linked into them; named
	// here so that a change of it counts as a change of the tests.
	_ "planb/cli"
	"planb/e2e/harness"
)

// stack is set once by TestMain.
var stack *harness.Stack

func TestMain(m *testing.M) {
	os.Exit(harness.Main(m, func(s *harness.Stack) { stack = s }))
}

// soon bounds what should take seconds at most, also on a busy machine.
const soon = 2 * time.Minute

// eventually polls until cond holds.
func eventually(t testing.TB, cond func() bool, what string, args ...any) {
	t.Helper()
	require.Eventually(t, cond, soon, 100*time.Millisecond, append([]any{what}, args...)...)
}
