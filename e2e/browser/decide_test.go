package browser

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/sshx/sshtest"
)

// A guard trips: the fleet page says so first, a person looks, accepts, and has
// the pages remove what is not kept any more.
func TestSuspectIsDecidedAndPruned(t *testing.T) {
	t.Parallel()
	src := filepath.Join(t.TempDir(), "source")
	for i := range 200 {
		write(t, src, fmt.Sprintf("srv/file%03d", i), "something\n")
	}
	stack.AddHost(t, "doubt/web1", sshtest.Server(t, sshtest.Options{Root: src}), "--include", "/", "--floor", "1")
	stack.Must(t, "backup", "doubt/web1", "--wait")
	first := oldest(t, "doubt/web1")
	for i := range 190 {
		require.NoError(t, os.Remove(filepath.Join(src, fmt.Sprintf("srv/file%03d", i))))
	}
	stack.Try(t, "backup", "doubt/web1", "--wait")
	addUser(t, "dora", "--role", "admin:doubt")
	b := newTab(t)
	b.signIn("dora", password)

	b.open("/")
	b.see("doubt/web1", "suspect")
	b.picture("fleet-suspect")
	b.open("/hosts/doubt/web1")
	b.see("Look at what changed, then decide.")
	b.open("/hosts/doubt/web1/prune")
	b.see("suspect")
	b.open("/hosts/doubt/web1")
	b.click("Accept")
	b.see("Accept 1 suspect snapshot of doubt/web1?")
	b.picture("accept")
	b.click("Accept")
	b.see("Accepted hourly-", "A guard found the last backup suspect; it was accepted since.")
	for _, s := range stack.List(t, "snapshots", "doubt/web1") {
		require.Contains(t, []string{"ok", "warning"}, s.Text("state"), s.Text("snapshot"))
		require.Equal(t, false, s["held"], s.Text("snapshot"))
	}

	b.open("/hosts/doubt/web1/prune")
	b.see("Remove 1 snapshot of 2?", first)
	b.picture("prune")
	b.click("Prune")
	eventually(t, func() bool { return len(stack.List(t, "snapshots", "doubt/web1")) == 1 }, "nothing is pruned")
	require.NotEqual(t, first, oldest(t, "doubt/web1"))
	b.quiet("the decision")
}
