package browser

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"planb/e2e/harness"
	"planb/internal/sshx/sshtest"
)

const (
	before = "listen 80\nworkers 2\n"
	after  = "listen 80\nworkers 8\n"
)

// A person adds a host, has it backed up and watches, finds a file, compares its
// versions, gets it as a download and back on disk, and does the rest of what
// can be done to a host.
func TestOperator(t *testing.T) {
	t.Parallel()
	src := filepath.Join(t.TempDir(), "source")
	write(t, src, "etc/app.conf", before)
	write(t, src, "etc/deep/er/notes.txt", "notes\n")
	big := make([]byte, 6<<20)
	_, _ = rand.NewChaCha8([32]byte{1}).Read(big)
	write(t, src, "var/big", string(big))
	server := sshtest.Server(t, sshtest.Options{Root: src})
	addUser(t, "olga", "--role", "admin")
	b := newTab(t)
	b.signIn("olga", password)

	t.Log("add a host")
	b.open("/hosts/new")
	b.fill("group", "shop")
	b.fill("name", "web1")
	b.fill("address", server.Target.Address)
	b.fill("p-port", strconv.Itoa(server.Target.Port))
	b.fill("p-user", server.Target.User)
	b.fill("p-ssh_key", server.Target.KeyFile)
	b.fill("p-include", "/")
	b.fill("p-bandwidth", "512K")
	b.click("Look at the host")
	b.see("It can be backed up.")
	b.see("The next runs, about")
	b.waits(func() bool { return eval[int](b, `document.querySelectorAll("#preview li").length`) == 10 })
	require.Equal(t, 10, eval[int](b, `document.querySelectorAll("#preview li").length`))
	b.picture("host-new")
	b.clickOne(`#host-form button[value="save"]`)
	b.see("shop/web1", "Back up now", "None yet: the first good backup makes one.")
	require.Equal(t, "/hosts/shop/web1", b.path())
	b.quiet("the form of a new host")

	t.Log("watch a backup")
	b.click("Back up now")
	b.see("The backup has begun.")
	b.do(chromedp.Evaluate(`window.sameDocument = true`, nil))
	b.seeOne(`#live [aria-label="Under way: backup"] [aria-label="Progress of the transfer"]`)
	require.True(t, eval[bool](b, `window.sameDocument === true`), "the page was loaded again instead of going on by itself")
	b.picture("host-running")
	require.True(t, b.waits(func() bool { return !b.has(`#live [aria-label="Under way: backup"]`) }))
	b.seeOne(`#live tbody tr`)
	b.see("1 snapshot")
	rows := stack.List(t, "snapshots", "shop/web1")
	require.Len(t, rows, 1)
	require.Equal(t, "ok", rows[0].Text("state"))
	first := rows[0].Text("snapshot")
	harness.RequireSame(t, src, stack.Data("shop/web1"))

	write(t, src, "etc/app.conf", after)
	stack.Must(t, "host", "edit", "shop/web1", "--bandwidth", "0")
	b.open("/hosts/shop/web1/backup")
	b.fill("keep", "changed")
	b.click("Back up and keep")
	eventually(t, func() bool { return len(stack.List(t, "snapshots", "shop/web1")) == 2 }, "no second snapshot")
	eventually(t, func() bool { return stack.List(t, "runs", "shop/web1")[0].Text("state") == "ok" }, "the second backup does not end")

	t.Log("find a file, and compare")
	b.open("/hosts/shop/web1/find")
	b.fill("q", "app.conf")
	b.clickOne(`form[role="search"] button`)
	b.click("/etc/app.conf")
	b.see("Versions", first)
	b.picture("file")
	b.click("Compare with older")
	b.see("workers 2", "workers 8")
	b.picture("compare")
	b.open("/hosts/shop/web1/files?path=/etc&snap=" + first)
	b.see("app.conf", "deep/")
	b.click("app.conf")
	b.clickOne(`.page-header a[download]`)
	require.Equal(t, before, string(b.downloaded("app.conf")))
	b.click("View")
	b.see("workers 2")
	b.open("/hosts/shop/web1/diff")
	b.see("/etc/app.conf", "changed")
	b.quiet("the pages of files")

	t.Log("restore")
	to := filepath.Join(t.TempDir(), "restored")
	b.open("/hosts/shop/web1/restore?path=/etc&snap=" + first)
	b.fill("dir", to)
	b.picture("restore-form")
	b.click("Preview")
	b.see("dry run, nothing was changed: 5 new", "/etc/app.conf")
	require.NoDirExists(t, to)
	b.picture("restore-preview")
	b.click("Restore this now")
	eventually(t, func() bool {
		text, err := os.ReadFile(filepath.Join(to, "etc/app.conf"))
		return err == nil && string(text) == before
	}, "not restored")
	b.see("ok")
	require.FileExists(t, filepath.Join(to, "etc/deep/er/notes.txt"))
	b.quiet("the restore")

	t.Log("hold, verify, disable, rename, delete")
	b.open("/hosts/shop/web1/snapshots/" + first)
	b.fill("reason", "audit")
	b.clickOne(`form[action$="/hold"] button`)
	eventually(t, func() bool { return find(t, stack.List(t, "snapshots", "shop/web1"), first)["held"] == true }, "not held")
	b.open("/hosts/shop/web1")
	b.click("Verify now")
	eventually(t, func() bool {
		for _, r := range stack.List(t, "runs", "shop/web1") {
			if r.Text("kind") == "verify" {
				return r.Text("state") == "ok"
			}
		}
		return false
	}, "not verified")
	b.open("/hosts/shop/web1")
	b.see("Last proven")
	b.click("Disable")
	b.fill("reason", "moving")
	b.clickOne(`main form button.btn-primary, main form button.btn-danger`)
	eventually(t, func() bool { return host(t, "shop/web1")["enabled"] == false }, "not disabled")
	b.open("/hosts/shop/web1")
	b.see("Enable")
	b.click("Enable")
	eventually(t, func() bool { return host(t, "shop/web1")["enabled"] == true }, "not enabled")
	b.open("/hosts/shop/web1/rename")
	b.fill("to", "shop/www")
	b.click("Rename")
	eventually(t, func() bool { return stack.Try(t, "host", "show", "shop/www").Code == 0 }, "not renamed")
	eventually(t, func() bool { return stack.List(t, "runs", "shop/www")[0].Text("state") == "ok" }, "the change of name does not end")
	require.Len(t, stack.List(t, "snapshots", "shop/www"), 2)
	b.quiet("what can be done to a host")
}

// Who may only look finds no button, and is refused by the server as well.
func TestViewerIsRefused(t *testing.T) {
	t.Parallel()
	server := sshtest.Server(t)
	stack.AddHost(t, "seen/web1", server, "--include", "/etc/hostname")
	addUser(t, "vera", "--role", "viewer:seen")
	b := newTab(t)
	b.signIn("vera", password)
	b.open("/hosts/seen/web1")
	b.see("seen/web1", "Policy in force")
	// The theme, the search in tables and the way out are all that is left.
	require.Zero(t, eval[int](b, `document.querySelectorAll("main button, main form, main a[href$='/edit']").length`))
	b.picture("viewer")
	b.quiet("a viewer's page")
	status := func(method, path string) int {
		return eval[int](b, `fetch(`+quote(path)+`, {method: `+quote(method)+`, redirect: "manual"}).then(r => r.status)`)
	}
	for _, path := range []string{"/hosts/seen/web1/backup", "/hosts/seen/web1/verify", "/hosts/seen/web1/remove", "/hosts/seen/web1/rename"} {
		require.Equal(t, 403, status("POST", path), path)
	}
	require.Equal(t, 403, status("GET", "/hosts/seen/web1/files/download?path=/etc/hostname"))
	require.Equal(t, 404, status("GET", "/hosts/shop/web1"), "a host of another group")
	require.Empty(t, stack.List(t, "runs", "seen/web1"))
}

// Every form and every list works without scripts.
func TestWithoutScripts(t *testing.T) {
	t.Parallel()
	server := sshtest.Server(t)
	stack.AddHost(t, "plain/web1", server, "--include", "/etc/hostname")
	addUser(t, "paul", "--role", "admin")
	b := newTab(t)
	b.scripts(false)
	b.open("/sign-in")
	b.type_("user", "paul")
	b.type_("password", password)
	b.press(`form button`)
	b.press(`a[href="/hosts"]`)
	b.press(`a[href="/hosts/plain/web1"]`)
	b.press(`form[action="/hosts/plain/web1/backup"] button`)
	eventually(t, func() bool {
		runs := stack.List(t, "runs", "plain/web1")
		return len(runs) == 1 && runs[0].Text("state") == "ok"
	}, "the button starts no backup")
	b.press(`a[href="/groups"]`)
	b.press(`a[href="/new-group"]`)
	b.type_("name", "scriptless")
	b.press(`main form button.btn-primary`)
	eventually(t, func() bool { return stack.Try(t, "group", "show", "scriptless").Code == 0 }, "the form adds no group")
}

// host gives the line of a host.
func host(t testing.TB, name string) harness.Row {
	t.Helper()
	for _, r := range stack.List(t, "host", "list") {
		if r.Text("host") == name {
			return r
		}
	}
	require.Fail(t, "no host "+name)
	return nil
}

func find(t testing.TB, rows []harness.Row, snapshot string) harness.Row {
	t.Helper()
	for _, r := range rows {
		if r.Text("snapshot") == snapshot {
			return r
		}
	}
	require.Fail(t, "no snapshot "+snapshot)
	return nil
}

func write(t testing.TB, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
	require.NoError(t, os.WriteFile(file, []byte(strings.TrimSpace(text)+"\n"), 0o644))
}
