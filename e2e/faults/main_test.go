//go:build faults

// Package faults breaks what PlanB stands on, for real, in the middle of its
// work, and looks at what is on disk and in the catalog afterwards.
//
// It takes minutes, so a build tag keeps it out of `go test ./...`: run it with
// `make test-faults`. Tests that end parts which all share run one after the
// other, before those that break only a host of their own.
package faults

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	// The program is built by these tests rather than linked into them; named
	// here so that a change of it counts as a change of the tests.
	_ "planb/cli"
	"planb/e2e/harness"
	"planb/internal/catalog"
	"planb/internal/devstack"
)

// stack is set once by TestMain.
var stack *harness.Stack

func TestMain(m *testing.M) {
	os.Exit(harness.Main(m, func(s *harness.Stack) { stack = s }))
}

// soon bounds what should take seconds at most, also on a busy machine.
const soon = 90 * time.Second

// eventually polls until cond holds.
func eventually(t testing.TB, cond func() bool, what string, args ...any) {
	t.Helper()
	require.Eventually(t, cond, soon, 50*time.Millisecond, append([]any{what}, args...)...)
}

// theCatalog opens the catalog for the length of a test.
func theCatalog(t testing.TB) *catalog.Store {
	t.Helper()
	store, err := catalog.Open(t.Context(), stack.Postgres.URL("planb"))
	require.NoError(t, err)
	t.Cleanup(store.Close)
	return store
}

// temporal connects to Temporal for the length of a test.
func temporal(t testing.TB) client.Client {
	t.Helper()
	c, err := client.DialContext(t.Context(), client.Options{HostPort: stack.Temporal.Address(), Namespace: devstack.Namespace})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// breaks says that a test ends parts of the stack. They run again when it ends.
func breaks(t testing.TB) {
	t.Helper()
	stack.Up(t)
	t.Cleanup(func() { stack.Up(t) })
}

// within bounds calls that take a context.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	t.Cleanup(cancel)
	return ctx
}
