package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"planb/internal/command"
	"planb/internal/devstack"
)

// demoHost is this machine, reached through the stack's own sshd.
const demoHost = "demo/this-machine"

// demo shows the main job with planb's own commands, as a person would type
// them: back this machine up, change a file, back it up again, and bring the
// file back as it was.
type demo struct {
	app   *app
	exe   string
	env   []string
	info  devstack.Info
	dir   string
	notes string
}

func (a *app) demo(ctx context.Context, state, exe string, info devstack.Info) error {
	d := &demo{app: a, exe: exe, env: stackEnv(info), info: info, dir: filepath.Join(state, "demo")}
	d.notes = filepath.Join(d.dir, "files", "notes.txt")
	if err := d.makeFiles(); err != nil {
		return err
	}
	if err := d.addHost(ctx); err != nil {
		return err
	}
	was, err := d.write("as it was before the change")
	if err != nil {
		return err
	}
	first, err := d.backup(ctx)
	if err != nil {
		return err
	}
	if _, err := d.write("changed after the first backup"); err != nil {
		return err
	}
	if _, err := d.backup(ctx); err != nil {
		return err
	}
	if err := d.show(ctx, "snapshots", demoHost); err != nil {
		return err
	}
	if err := d.restore(ctx, first, was); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"billing", "run"}, {"billing", "list"}, {"report", "--digest", "--output", "mail"},
	} {
		if err := d.show(ctx, args...); err != nil {
			return err
		}
	}
	return d.mails(ctx, filepath.Dir(d.dir))
}

// makeFiles makes a small tree of what a backup has to keep.
func (d *demo) makeFiles() error {
	files := filepath.Dir(d.notes)
	if _, err := os.Stat(files); err == nil {
		return nil
	}
	odd := filepath.Join(files, "a folder with spaces")
	if err := os.MkdirAll(odd, 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(odd, "private"), []byte("only its owner reads this\n"), 0o600); err != nil {
		return err
	}
	if err := os.Symlink("a folder with spaces/private", filepath.Join(files, "link")); err != nil {
		return err
	}
	return os.Link(filepath.Join(odd, "private"), filepath.Join(files, "hard-link"))
}

// write changes the demo's file and gives its new content.
func (d *demo) write(what string) ([]byte, error) {
	text := fmt.Appendf(nil, "%s: %s\n", time.Now().UTC().Format(time.RFC3339Nano), what)
	fmt.Fprintf(d.app.stdout, "\n# %s now says: %s", d.notes, text)
	return text, os.WriteFile(d.notes, text, 0o644)
}

// addHost adds the demo host, or brings its record up to date: the port may be
// another one than last time.
func (d *demo) addHost(ctx context.Context) error {
	var hosts []struct {
		Host string `json:"host"`
	}
	if err := d.json(ctx, &hosts, "host", "list", "--json"); err != nil {
		return err
	}
	verb := "add"
	for _, h := range hosts {
		if h.Host == demoHost {
			verb = "edit"
		}
	}
	key, err := os.ReadFile(filepath.Join(filepath.Dir(d.info.SSHKey), "host_ed25519.pub"))
	if err != nil {
		return err
	}
	fields := strings.Fields(string(key))
	if len(fields) < 2 {
		return fmt.Errorf("the demo host's key file is damaged: %q", key)
	}
	args := []string{
		"host", verb, demoHost,
		"--address", d.info.SSHAddress, "--port", strconv.Itoa(d.info.SSHPort), "--user", d.info.SSHUser,
		"--ssh-key", d.info.SSHKey, "--host-key", fields[0] + " " + fields[1],
		"--include", "/etc", "--include", filepath.Dir(d.notes),
	}
	if d.info.SSHUser != "root" {
		args = append(args, "--sudo") // not all of /etc is for everyone
	}
	return d.show(ctx, args...)
}

// backup backs the demo host up and gives the name of the snapshot.
func (d *demo) backup(ctx context.Context) (string, error) {
	if err := d.show(ctx, "backup", demoHost, "--wait"); err != nil {
		return "", err
	}
	var runs []struct {
		Kind     string    `json:"kind"`
		Started  time.Time `json:"started"`
		Snapshot string    `json:"snapshot"`
	}
	if err := d.json(ctx, &runs, "runs", demoHost, "--json"); err != nil {
		return "", err
	}
	newest := -1
	for i, r := range runs {
		if r.Kind == "backup" && r.Snapshot != "" && (newest < 0 || r.Started.After(runs[newest].Started)) {
			newest = i
		}
	}
	if newest < 0 {
		return "", fmt.Errorf("the backup of %s left no snapshot: see planb runs %s", demoHost, demoHost)
	}
	return runs[newest].Snapshot, nil
}

// restore brings the file of a snapshot back and compares.
func (d *demo) restore(ctx context.Context, snapshot string, want []byte) error {
	to := filepath.Join(d.dir, "restored")
	if err := os.RemoveAll(to); err != nil {
		return err
	}
	if err := d.show(ctx, "restore", demoHost+"@"+snapshot, d.notes, "--to", to); err != nil {
		return err
	}
	restored := filepath.Join(to, d.notes)
	got, err := os.ReadFile(restored)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%s is not what was backed up: %q instead of %q", restored, got, want)
	}
	fmt.Fprintf(d.app.stdout, "\n# %s is as it was before the change: %s", restored, got)
	return nil
}

// show runs a planb command as a person would, and shows both.
func (d *demo) show(ctx context.Context, args ...string) error {
	shown := slices.Clone(args)
	for i, arg := range shown {
		if strings.ContainsAny(arg, " '\"$*?;&|<>()") {
			shown[i] = shellQuote(arg)
		}
	}
	fmt.Fprintf(d.app.stdout, "\n$ planb %s\n", strings.Join(shown, " "))
	return d.run(ctx, command.Cmd{Stdout: d.app.stdout, Stderr: d.app.stderr}, args)
}

func (d *demo) json(ctx context.Context, v any, args ...string) error {
	var out bytes.Buffer
	if err := d.run(ctx, command.Cmd{Stdout: &out}, args); err != nil {
		return err
	}
	return json.Unmarshal(out.Bytes(), v)
}

func (d *demo) run(ctx context.Context, c command.Cmd, args []string) error {
	c.Argv, c.Env = append([]string{d.exe}, args...), d.env
	if err := command.Run(ctx, c); err != nil {
		return fmt.Errorf("planb %s: %w", args[0], err)
	}
	return nil
}
