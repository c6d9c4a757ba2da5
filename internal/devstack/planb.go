package devstack

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"planb/internal/command"
)

// WebUser is who signs in to the web pages of a stack.
const WebUser = "admin"

// planb is `planb serve` for the stack: control, storage worker and web.
type planb struct {
	*process
	stack *Stack
	// Where it listens, the last two for metrics; 0 lets a free port be found.
	webPort, dataPort, controlPort, workerPort int
	secrets                                    map[string]string
}

func newPlanb(s *Stack) *planb {
	// A stopping worker lets its transfers end in good order first.
	return &planb{process: newProcess(s.State, "planb", 0, 90*time.Second), stack: s}
}

// Address implements Component: that of the web pages.
func (p *planb) Address() string { return "http://" + hostPort(p.webPort) }

// Start implements Component: configuration, migrations, then the server.
func (p *planb) Start(ctx context.Context) error {
	if err := p.Stop(ctx); err != nil {
		return err
	}
	if err := p.configure(); err != nil {
		return err
	}
	argv := append(append([]string{}, p.stack.program...), "--config", p.stack.ConfigFile())
	migrate := command.Cmd{Argv: append(append([]string{"env", "-i"}, cleanEnv()...), append(argv, "migrate")...)}
	if err := command.Run(ctx, migrate); err != nil {
		return fmt.Errorf("bring the catalog's schema up to date: %w", err)
	}
	if err := p.start(ctx, append(argv, "serve"), nil); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	return p.ready(ctx, func(ctx context.Context) error {
		if err := answers(ctx, p.Address()+"/"); err != nil {
			return err
		}
		return p.registered(ctx, argv)
	})
}

// registered says whether the storage is in the catalog, where its worker puts
// it a moment after its start: before that, no host can be backed up.
func (p *planb) registered(ctx context.Context, argv []string) error {
	var out bytes.Buffer
	list := slices.Concat([]string{"env", "-i"}, cleanEnv(), argv, []string{"storage", "list", "--json"})
	if err := command.Run(ctx, command.Cmd{Argv: list, Stdout: &out}); err != nil {
		return err
	}
	if storage := p.stack.ZFS.Storage(); !bytes.Contains(out.Bytes(), []byte(strconv.Quote(storage))) {
		return fmt.Errorf("storage %s is not registered yet", storage)
	}
	return nil
}

// configure writes planb.yaml: where the other components are.
func (p *planb) configure() error {
	s := p.stack
	dir := filepath.Join(s.State, "planb")
	if err := ownDir(dir); err != nil {
		return err
	}
	var err error
	if p.secrets, err = loadSecrets(filepath.Join(dir, "secrets.json"), "web", "data"); err != nil {
		return err
	}
	saved := loadPorts(dir)
	if p.webPort, err = saved.pick("web", Loopback, p.webPort); err != nil {
		return err
	}
	if p.dataPort, err = saved.pick("data", Loopback, p.dataPort); err != nil {
		return err
	}
	if p.controlPort, err = saved.pick("control metrics", Loopback, p.controlPort); err != nil {
		return err
	}
	if p.workerPort, err = saved.pick("worker metrics", Loopback, p.workerPort); err != nil {
		return err
	}
	if err := saved.save(); err != nil {
		return err
	}
	return writeFile(s.ConfigFile(), []byte(s.configText()), 0o600)
}

// configText is the stack's planb.yaml. Go's quoting of strings is YAML's.
func (s *Stack) configText() string {
	q := strconv.Quote
	sudo := ""
	if len(asRoot("zfs")) > 1 {
		sudo = "zfs:\n  sudo: true\n"
	}
	return "# Written by `planb dev up` at each start: changes are lost.\n" +
		"server: dev\n" +
		"state: " + q(filepath.Join(s.State, "planb")) + "\n" +
		"database:\n  url: " + q(s.Postgres.URL("planb")) + "\n" +
		"temporal:\n  address: " + q(s.Temporal.Address()) + "\n  namespace: " + Namespace + "\n" +
		"storages:\n  - dataset: " + q(s.ZFS.Storage()) + "\n" + sudo +
		"data:\n  listen: " + q(hostPort(s.planb.dataPort)) + "\n  key: " + q(s.planb.secrets["data"]) + "\n" +
		"metrics:\n  control: " + q(hostPort(s.planb.controlPort)) + "\n  worker: " + q(hostPort(s.planb.workerPort)) + "\n" +
		"web:\n  listen: " + q(hostPort(s.planb.webPort)) + "\n  url: " + q(s.planb.Address()) + "\n" +
		"  user: " + WebUser + "\n  password: " + q(s.planb.secrets["web"]) + "\n" +
		"  temporal_ui: " + q(s.UI.Address()) + "\n" +
		s.mail.config()
}
