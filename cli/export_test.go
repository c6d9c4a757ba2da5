package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/sshx/sshtest"
	"planb/internal/zfs"
	"planb/worker/operate"
)

func (p *planb) file(text string) string {
	p.t.Helper()
	name := filepath.Join(p.t.TempDir(), "catalog.yaml")
	require.NoError(p.t, os.WriteFile(name, []byte(text), 0o600))
	return name
}

// What a catalog holds goes into another one, and comes out of it the same.
func TestExportMakesTheCatalogAnew(t *testing.T) {
	t.Parallel()
	from, g := newPlanb(t), group(t)
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
	storage := catalog.Storage{Server: "store1", Dataset: "tank/BACKUP", DataURL: "http://127.0.0.1:1"}
	require.NoError(t, from.store.UpsertStorage(t.Context(), storage))
	from.ok("policy", "edit", "--keep", "7d,4w", "--tz", "Europe/Amsterdam", "--bandwidth", "10M; 08:00-18:00 2M", "--exclude", "*.tmp", "--exclude", "- # : [x]")
	from.ok("group", "add", g, "--email", "ops@acme.example", "--email", "b@acme.example", "--notes", " first: \"quoted\"\n# second\n\n\tthird, é \n")
	from.ok("group", "add", g+"-none", "--notes", "null")
	from.ok("host", "add", g+"/web1", "--address", "web1.example", "--dataset", "tank/BACKUP/elsewhere/web1", "--tag", "prod", "--tag", "123",
		"--host-key", key, "--notes", "0x10", "--window", "mon-fri 22:00-06:00; sat,sun 00:00-24:00", "--include", "srv/a, b", "--include", "/",
		"--sudo=false", "--port", "2222", "--guard-shrink", "0", "--flag", "--one-file-system", "--verify-every", "0")
	from.ok("host", "add", g+"/web2", "--address", "[2001:db8::1]::files", "--disabled", "yes: gone", "--storage", "store1:tank/BACKUP")
	from.ok("host", "add", g+"/Web-3", "--address", "10.0.0.1", "--password-file", "/etc/planb/web3.secret")
	exported := from.ok("export")
	require.Contains(t, exported, "planb: 1\n")
	require.Equal(t, exported, from.ok("export"), "in the same order each time")

	to := newPlanb(t)
	file := to.file(exported)
	_, _, stderr := to.run("import", file)
	require.Contains(t, stderr, "host "+g+"/web1 is kept on storage store1:tank/BACKUP, which is not there: start the worker")
	require.Empty(t, must(to.store.Groups(t.Context())), "all or nothing")
	require.NoError(t, to.store.UpsertStorage(t.Context(), storage))
	require.Contains(t, to.ok("import", file, "--dry-run"), "+ host "+g+"/web1\n")
	require.Empty(t, must(to.store.Groups(t.Context())), "only shown")
	require.Contains(t, to.ok("import", file), "Done: 6 changes.\n")
	require.Equal(t, exported, to.ok("export"))
	require.Equal(t, "The catalog has all of it already.\n", to.ok("import", file))
	require.Equal(t, "The catalog has all of it already.\n", to.ok("apply", to.file(from.ok("export", "--json"))))
	audit := must(to.store.Audit(t.Context(), g+"/web1", 10))
	require.Len(t, audit, 2, "the host, and its settings")
	require.Contains(t, audit[0].Actor, "(cli)")
	require.ElementsMatch(t, []string{"host.add", "policy.edit"}, []string{audit[0].Action, audit[1].Action})
	require.Equal(t, must(to.store.Audit(t.Context(), g+"-none", 10))[0].At, audit[0].At, "in one transaction")
	var rows []operate.Schedule
	to.json(&rows, "schedule", "list", g+"/web1")
	require.Len(t, rows, 1)
	require.NotNil(t, rows[0].Next, "its schedule is there")

	// What is otherwise is a conflict, and then nothing is added.
	changed := strings.Replace(exported, "address: web1.example", "address: other.example", 1)
	changed = strings.Replace(changed, "planb: 1", "planb: 1", 1) + "- host: " + g + "/web9\n  address: web9.example\n"
	_, _, stderr = to.run("import", to.file(changed))
	require.Contains(t, stderr, "host "+g+"/web1 is there already, and not as the file has it (address web1.example → other.example)")
	require.NotContains(t, to.ok("host", "list"), "web9")
	// A host that was renamed here is not added once more.
	from.ok("host", "rename", g+"/Web-3", g+"/web3")
	require.Contains(t, from.fails(exitRefused, "import", file), "has the id of "+g+"/web3, which is there: rename that one first with planb host rename")
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Apply adds, changes, and removes what it is told to; data outlives it.
func TestApply(t *testing.T) {
	t.Parallel()
	s, g := newServed(t), group(t)
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "file"), []byte("text"), 0o644))
	s.add(g+"/web1", root)
	s.ok("host", "add", g+"/web2", "--address", "web2.example", "--every", "1d", "--notes", "second")
	s.ok("group", "add", g+"-empty")
	s.waits("backup", g+"/web1", "--wait")
	h := must(s.store.Host(t.Context(), mustHost(t, g+"/web1")))

	exported := s.ok("export")
	text := strings.Replace(exported, "every: 1d", "every: 12h", 1)
	text = strings.Replace(text, "notes: second", "notes: third\n  disabled: moves house", 1)
	text += "- host: " + g + "/db1\n  address: db1.example\n"
	a, b := strings.Index(text, "- group: "+g+"-empty\n"), strings.Index(text, "hosts:\n")
	text = text[:a] + text[b:]
	a, b = strings.Index(text, "- host: "+g+"/web1\n"), strings.Index(text, "- host: "+g+"/web2\n")
	text = text[:a] + text[b:]
	file := s.file(text)

	status, stdout, stderr := s.run("apply", file)
	require.Equal(t, exitRefused, status)
	require.Equal(t, "~ host "+g+"/web2: disabled unset → moves house; notes second → third; every 1d → 12h\n+ host "+g+"/db1\n", stdout)
	require.Contains(t, stderr, "Make 2 changes? Say --yes to do it")
	require.Contains(t, stderr, "2 hosts and groups are not in the file: --prune shows and removes them")
	require.Equal(t, exported, s.ok("export"), "nothing changed")
	_, stdout, _ = s.run("apply", file, "--prune", "--dry-run")
	require.Contains(t, stdout, "- host "+g+"/web1\n- group "+g+"-empty\n")
	require.Equal(t, exported, s.ok("export"), "nothing changed")

	_, stdout, stderr = s.run("apply", file, "--yes")
	require.Contains(t, stdout, "Done: 2 changes.")
	require.NotContains(t, stderr, "planb: ")
	var rows []operate.Schedule
	s.json(&rows, "schedule", "list")
	require.Len(t, rows, 3, "web1 stays without --prune")
	require.Equal(t, "12h", rows[2].Every)
	require.True(t, rows[2].Paused)
	require.Contains(t, s.ok("schedule", "check"), "agree")

	out := s.ok("apply", file, "--prune", "--yes")
	require.Contains(t, out, "Removed host "+g+"/web1. Its data stays in dataset "+h.Dataset)
	require.Contains(t, out, "Removed group "+g+"-empty.")
	d := must(s.zfs.Dataset(t.Context(), h.Dataset))
	require.FileExists(t, filepath.Join(d.Mountpoint, activities.DataDir, "file"))
	require.NotEmpty(t, d.Props[zfs.PropExpires], "as planb host rm does it")
	require.Equal(t, "The catalog has all of it already.\n", s.ok("apply", file, "--prune", "--yes"))

	// Brought back with its id, it goes on with its data.
	require.Contains(t, s.ok("import", s.file(exportedHost(t, exported, g+"/web1"))), "+ host "+g+"/web1")
	s.waits("backup", g+"/web1", "--wait")
	require.Len(t, must(s.store.Snapshots(t.Context(), mustHost(t, g+"/web1"))), 2)
}

// exportedHost gives a file with one host of an export.
func exportedHost(t *testing.T, exported, host string) string {
	t.Helper()
	_, text, found := strings.Cut(exported, "- host: "+host+"\n")
	require.True(t, found)
	text, _, _ = strings.Cut(text, "\n- host: ")
	return "planb: 1\nhosts:\n- host: " + host + "\n" + text + "\n"
}

// The database of the first PlanB becomes a catalog, and what could not be taken
// over is told.
func TestImportOfTheFirstPlanB(t *testing.T) {
	t.Parallel()
	p := newPlanb(t)
	dump := filepath.Join("..", "internal", "export", "testdata", "dump.json")
	status, stdout, stderr := p.run("import", dump)
	require.Equal(t, exitRefused, status)
	require.Empty(t, stdout)
	require.Contains(t, stderr, dump+": line 5: the dataset tank/BACKUP/acme-mongo2 of host acme/mongo2 is beneath no storage: list tank/BACKUP in planb.yaml")
	require.NoError(t, p.store.UpsertStorage(t.Context(), catalog.Storage{Server: "store1", Dataset: "tank/BACKUP", DataURL: "http://127.0.0.1:1"}))
	status, stdout, stderr = p.run("import", dump)
	require.Zero(t, status, stderr)
	require.Contains(t, stdout, "+ host acme/mongo2\nDone: 4 changes.\n")
	require.Contains(t, stderr, "line 7: swift has no rsync transport and was left out")
	h := must(p.store.Host(t.Context(), mustHost(t, "acme/mongo2")))
	require.Equal(t, "tank/BACKUP/acme-mongo2", h.Dataset)
	require.False(t, h.DatasetMade)
	effective := must(p.store.Effective(t.Context(), h.Ident()))
	require.Equal(t, "16d,4w,12m,2y", effective.Keep.Value.String())
	require.Equal(t, 2222, effective.Port.Value)
	status, stdout, _ = p.run("import", dump)
	require.Zero(t, status)
	require.Equal(t, "The catalog has all of it already.\n", stdout)
	require.Contains(t, p.fails(exitUsage, "import", filepath.Join("..", "internal", "export", "testdata", "confexport.json")), "say which group it is of with --group")
}

// A host goes on with the dataset and the snapshots that the first PlanB made.
func TestGoesOnWithTheDataOfTheFirstPlanB(t *testing.T) {
	t.Parallel()
	s, g := newServed(t), group(t)
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "file"), []byte("new text"), 0o644))
	dataset := s.parent + "/" + g + "-mongo2"
	d, _, err := s.zfs.EnsureDataset(t.Context(), dataset, nil)
	require.NoError(t, err)
	dir := must(s.zfs.EnsureMounted(t.Context(), d.Name))
	require.NoError(t, os.Mkdir(filepath.Join(dir, activities.DataDir), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(dir, activities.DataDir, "file"), []byte("old text"), 0o644))
	for _, name := range []string{"planb-20170603T1147Z", "monthly-201706031211"} {
		_, _, err := s.zfs.TakeSnapshot(t.Context(), dataset, name, nil)
		require.NoError(t, err)
	}
	for _, args := range [][]string{{"set", "canmount=noauto", dataset}, {"unmount", dataset}} { // as it left them
		out, err := exec.CommandContext(t.Context(), zfs.Program("zfs"), args...).CombinedOutput()
		require.NoError(t, err, string(out))
	}
	server := sshtest.Server(t, sshtest.Options{Root: root})
	host := g + "/mongo2"
	dump := s.file(fmt.Sprintf(`[
{"model": "planb.hostgroup", "pk": 1, "fields": {"name": %q, "notify_email": null}},
{"model": "planb.fileset", "pk": 3, "fields": {"friendly_name": "mongo2", "hostgroup": 1, "dataset_name": %q, "is_enabled": true}},
{"model": "transport_rsync.config", "pk": 1, "fields": {"fileset": 3, "host": %q, "src_dir": "/", "includes": "/", "transport": 0,
 "user": %q, "use_sudo": false, "use_ionice": false, "flags": "-e 'ssh -p %d -i %s'"}}
]`, g, dataset, server.Target.Address, server.Target.User, server.Target.Port, server.Target.KeyFile))
	require.Contains(t, s.ok("import", dump), "+ host "+host)

	// It has to be handed over first.
	_, _, stderr := s.run("backup", host, "--wait")
	id := must(s.store.Host(t.Context(), mustHost(t, host))).ID
	require.Contains(t, stderr, "zfs set "+zfs.PropHost+"="+id+" "+dataset)
	require.NoError(t, s.zfs.SetProps(t.Context(), dataset, map[string]string{zfs.PropHost: id}))
	s.waits("backup", host, "--wait")
	snaps := must(s.store.Snapshots(t.Context(), mustHost(t, host)))
	require.Len(t, snaps, 3)
	names := []string{snaps[0].Name, snaps[1].Name}
	require.ElementsMatch(t, []string{"planb-20170603T1147Z", "monthly-201706031211"}, names)
	out := t.TempDir()
	s.waits("restore", host+"@planb-20170603T1147Z", "/file", "--to", out)
	text, err := os.ReadFile(filepath.Join(out, "file"))
	require.NoError(t, err)
	require.Equal(t, "old text", string(text))
	_, stdout, _ := s.run("prune", host, "--dry-run")
	require.Contains(t, stdout, "monthly-201706031211  keep    floor, daily 2 of 16")
	require.NotContains(t, stdout, "foreign", "retention counts what the first PlanB made")
}
