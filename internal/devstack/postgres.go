package devstack

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"planb/internal/command"
)

// Postgres is a private PostgreSQL cluster under <state>/postgres, reached
// over TCP on loopback with a generated password only: a socket's path may not
// be as long as a state directory's can.
type Postgres struct {
	*process
	dir string
	// Port is where it listens; set it before Start to choose one.
	Port      int
	passwords map[string]string
}

// NewPostgres describes the cluster of a state directory; nothing happens
// before Start.
func NewPostgres(state string) *Postgres {
	// SIGINT is PostgreSQL's "fast shutdown": clients are not waited for.
	return &Postgres{
		process: newProcess(state, "postgres", syscall.SIGINT, 30*time.Second),
		dir:     filepath.Join(state, "postgres"),
	}
}

// databases and their owners; the roles are named alike.
var databases = []struct{ name, owner string }{
	{"planb", "planb"}, {"temporal", "temporal"}, {"temporal_visibility", "temporal"},
}

const superuser = "postgres"

// URL is the connection URL of one of the databases planb, temporal,
// temporal_visibility, with its owner's password. The role planb may create
// databases of its own.
func (p *Postgres) URL(database string) string {
	owner := superuser
	for _, d := range databases {
		if d.name == database {
			owner = d.owner
		}
	}
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword(owner, p.passwords[owner]),
		Host: p.Address(), Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// Address implements Component.
func (p *Postgres) Address() string { return hostPort(p.Port) }

func (p *Postgres) data() string { return filepath.Join(p.dir, "data") }

// Start implements Component.
func (p *Postgres) Start(ctx context.Context) error {
	if err := p.prepare(ctx); err != nil {
		return fmt.Errorf("prepare PostgreSQL: %w", err)
	}
	bin, err := p.program("postgres")
	if err != nil {
		return err
	}
	if err := p.Stop(ctx); err != nil {
		return err
	}
	if err := p.clearStalePID(); err != nil {
		return err
	}
	saved := loadPorts(p.dir)
	if p.Port, err = saved.pick("postgres", Loopback, p.Port); err != nil {
		return err
	}
	if err := saved.save(); err != nil {
		return err
	}
	argv := asNobody(
		bin, "-D", p.data(), "-p", strconv.Itoa(p.Port),
		"-c", "listen_addresses="+Loopback,
		"-c", "unix_socket_directories=",
		// Temporal alone opens 45 connections and more.
		"-c", "max_connections=200",
		"-c", "timezone=UTC", "-c", "log_timezone=UTC",
	)
	if err := p.start(ctx, argv, nil); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 60*time.Second)
	defer cancel()
	if err := p.ready(ctx, p.ping); err != nil {
		return err
	}
	return p.createDatabases(ctx)
}

// prepare makes the cluster and its passwords, once.
func (p *Postgres) prepare(ctx context.Context) error {
	if err := ownDir(p.dir); err != nil {
		return err
	}
	var err error
	p.passwords, err = loadSecrets(filepath.Join(p.dir, "passwords.json"), superuser, "planb", "temporal")
	if err != nil {
		return err
	}
	if _, err := os.Stat(p.data()); err == nil {
		return nil
	}
	initdb, err := p.program("initdb")
	if err != nil {
		return err
	}
	fresh, pwfile := p.data()+".new", filepath.Join(p.dir, "pwfile")
	// A kill in the middle of initdb leaves a cluster that never starts; this
	// one gets its name only once it is whole.
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := os.WriteFile(pwfile, []byte(p.passwords[superuser]+"\n"), 0o600); err != nil {
		return err
	}
	defer os.Remove(pwfile)
	argv := asNobody(initdb, "--pgdata", fresh, "--username", superuser,
		"--pwfile", pwfile, "--auth", "scram-sha-256", "--encoding", "UTF8", "--locale", "C")
	if err := command.Run(ctx, command.Cmd{Argv: argv}); err != nil {
		return err
	}
	return os.Rename(fresh, p.data())
}

func (p *Postgres) ping(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.URL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	return conn.Ping(ctx)
}

// createDatabases adds the roles and databases that are missing.
func (p *Postgres) createDatabases(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, p.URL("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	ensure := func(count, name, create string) error {
		var n int
		if err := conn.QueryRow(ctx, count, name).Scan(&n); err != nil || n > 0 {
			return err
		}
		_, err := conn.Exec(ctx, create)
		return err
	}
	for _, role := range []string{"planb", "temporal"} {
		// Generated passwords are hexadecimal: nothing in them needs quoting.
		create := fmt.Sprintf("create role %s login createdb password '%s'", role, p.passwords[role])
		if err := ensure("select count(*) from pg_roles where rolname = $1", role, create); err != nil {
			return fmt.Errorf("create role %s: %w", role, err)
		}
	}
	for _, d := range databases {
		create := fmt.Sprintf("create database %s owner %s", d.name, d.owner)
		if err := ensure("select count(*) from pg_database where datname = $1", d.name, create); err != nil {
			return fmt.Errorf("create database %s: %w", d.name, err)
		}
	}
	return nil
}

// clearStalePID removes PostgreSQL's own pid file when no server of this
// cluster runs: its number may belong to any process by now, and PostgreSQL
// would refuse to start.
func (p *Postgres) clearStalePID() error {
	file := filepath.Join(p.data(), "postmaster.pid")
	b, err := os.ReadFile(file)
	if err != nil {
		return nil
	}
	first, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(first)
	if err == nil {
		// A server stands in its data directory.
		if cwd, err := os.Readlink(fmt.Sprintf("/proc/%d/cwd", pid)); err == nil && cwd == p.data() {
			id, err := identify(pid)
			if err != nil {
				return nil
			}
			return killAll(append(descendants(pid), id))
		}
	}
	return os.Remove(file)
}

// program finds a server program: of the cluster's version, else the newest.
func (p *Postgres) program(name string) (string, error) {
	pattern := "*"
	if v, err := os.ReadFile(filepath.Join(p.data(), "PG_VERSION")); err == nil {
		pattern = strings.TrimSpace(string(v))
	}
	best, version := "", -1
	found, err := filepath.Glob(filepath.Join("/usr/lib/postgresql", pattern, "bin", name))
	if err != nil {
		return "", err
	}
	for _, f := range found {
		v, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(f))))
		if err == nil && v > version {
			best, version = f, v
		}
	}
	if best != "" {
		return best, nil
	}
	if pattern != "*" {
		return "", fmt.Errorf("the cluster in %s is of PostgreSQL %s, which is not installed: install postgresql-%s", p.data(), pattern, pattern)
	}
	if f, err := exec.LookPath(name); err == nil {
		return f, nil
	}
	return "", errors.New("PostgreSQL is not installed: run scripts/install-deps.sh, or apt-get install postgresql")
}

// asNobody puts a command in a user namespace of its own when root runs it:
// PostgreSQL refuses to run as root, and another user might not reach the
// state directory. Inside it the caller is called nobody, outside the files
// stay root's.
func asNobody(argv ...string) []string {
	if os.Geteuid() != 0 {
		return argv
	}
	return append([]string{"unshare", "--user", "--map-user=65534", "--map-group=65534", "--"}, argv...)
}
