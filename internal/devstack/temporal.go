package devstack

import (
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"planb/internal/command"
)

// Namespace is the Temporal namespace that PlanB works in.
const Namespace = "planb"

// Temporal is the stock Temporal server, all services in one process, keeping
// everything in the databases of a Postgres.
type Temporal struct {
	*process
	dir, bin string
	pg       *Postgres
	// Port is that of the frontend; set it before Start to choose one.
	Port int
}

// NewTemporal describes the server of a state directory. bin is where
// BuildTemporal put the programs; pg must run before Start.
func NewTemporal(state, bin string, pg *Postgres) *Temporal {
	return &Temporal{
		process: newProcess(state, "temporal", 0, 20*time.Second),
		dir:     filepath.Join(state, "temporal"), bin: bin, pg: pg,
	}
}

// Address implements Component: where TEMPORAL_ADDRESS points.
func (t *Temporal) Address() string { return hostPort(t.Port) }

// dynamicConfig turns fairness on: one group's hundred hosts must not starve
// another's two. Search attributes are looked up afresh so that a namespace
// made a moment ago can be used.
const dynamicConfig = `matching.enableFairness:
  - value: true
system.forceSearchAttributesCacheRefreshOnRead:
  - value: true
`

// temporalPorts are the variables of the server's embedded configuration for
// the ports that it listens on beside the frontend's.
var temporalPorts = []string{
	"FRONTEND_HTTP_PORT", "FRONTEND_MEMBERSHIP_PORT", "HISTORY_GRPC_PORT", "HISTORY_MEMBERSHIP_PORT",
	"MATCHING_GRPC_PORT", "MATCHING_MEMBERSHIP_PORT", "WORKER_GRPC_PORT", "WORKER_MEMBERSHIP_PORT",
}

// Start implements Component: it brings the schema up to the server's version,
// starts the server, and sees to PlanB's namespace.
func (t *Temporal) Start(ctx context.Context) error {
	for _, prog := range temporalPrograms {
		if !prog.built(t.bin) {
			return fmt.Errorf("%s %s is not in %s: run `make temporal`", prog.name, prog.version, t.bin)
		}
	}
	if err := t.Stop(ctx); err != nil {
		return err
	}
	if err := ownDir(t.dir); err != nil {
		return err
	}
	if err := t.updateSchemas(ctx); err != nil {
		return fmt.Errorf("prepare Temporal's databases: %w", err)
	}
	dynamic := filepath.Join(t.dir, "dynamic.yaml")
	if err := writeFile(dynamic, []byte(dynamicConfig), 0o600); err != nil {
		return err
	}
	env := []string{
		"DB=postgres12_pgx", "POSTGRES_SEEDS=" + Loopback, "DB_PORT=" + strconv.Itoa(t.pg.Port),
		"POSTGRES_USER=temporal", "POSTGRES_PWD=" + t.pg.passwords["temporal"],
		// Fixed for the life of the databases; plenty for one server.
		"NUM_HISTORY_SHARDS=4",
		"BIND_ON_IP=" + Loopback, "TEMPORAL_BROADCAST_ADDRESS=" + Loopback,
		"DYNAMIC_CONFIG_FILE_PATH=" + dynamic, "LOG_LEVEL=warn",
	}
	saved := loadPorts(t.dir)
	var err error
	if t.Port, err = saved.pick("FRONTEND_GRPC_PORT", Loopback, t.Port); err != nil {
		return err
	}
	env = append(env, fmt.Sprintf("FRONTEND_GRPC_PORT=%d", t.Port))
	for _, name := range temporalPorts {
		port, err := saved.pick(name, Loopback, 0)
		if err != nil {
			return err
		}
		env = append(env, fmt.Sprintf("%s=%d", name, port))
	}
	if err := saved.save(); err != nil {
		return err
	}
	server := filepath.Join(t.bin, "temporal-server")
	if err := t.start(ctx, []string{server, "--allow-no-auth", "start"}, env); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 90*time.Second)
	defer cancel()
	return ensureNamespace(ctx, t.Address(), t.ready)
}

// updateSchemas creates what is missing in Temporal's two databases. The
// schemas are inside temporal-sql-tool.
func (t *Temporal) updateSchemas(ctx context.Context) error {
	tool := filepath.Join(t.bin, "temporal-sql-tool")
	for _, db := range []struct{ name, schema string }{
		{"temporal", "postgresql/v12/temporal"}, {"temporal_visibility", "postgresql/v12/visibility"},
	} {
		run := func(args ...string) error {
			return command.Run(ctx, command.Cmd{
				Argv: append([]string{tool, "--db", db.name}, args...),
				Env: []string{
					"SQL_PLUGIN=postgres12_pgx", "SQL_HOST=" + Loopback, "SQL_PORT=" + strconv.Itoa(t.pg.Port),
					"SQL_USER=temporal", "SQL_PASSWORD=" + t.pg.passwords["temporal"],
				},
			})
		}
		made, err := hasTable(ctx, t.pg.URL(db.name), "schema_version")
		if err != nil {
			return err
		}
		if !made {
			if err := run("setup-schema", "-v", "0.0"); err != nil {
				return err
			}
		}
		if err := run("update-schema", "--schema-name", db.schema); err != nil {
			return err
		}
	}
	return nil
}

func hasTable(ctx context.Context, url, table string) (bool, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return false, err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	var there bool
	err = conn.QueryRow(ctx, "select to_regclass($1) is not null", table).Scan(&there)
	return there, err
}

// TemporalUI is Temporal's own web page.
type TemporalUI struct {
	*process
	dir, bin string
	temporal *Temporal
	// Port is where it listens; set it before Start to choose one.
	Port int
}

// NewTemporalUI describes the page that shows t, which must run before Start.
func NewTemporalUI(state, bin string, t *Temporal) *TemporalUI {
	return &TemporalUI{
		process: newProcess(state, "temporal-ui", 0, 10*time.Second),
		dir:     filepath.Join(state, "temporal-ui"), bin: bin, temporal: t,
	}
}

// Address implements Component.
func (u *TemporalUI) Address() string { return "http://" + hostPort(u.Port) }

// Start implements Component.
func (u *TemporalUI) Start(ctx context.Context) error {
	if err := u.Stop(ctx); err != nil {
		return err
	}
	saved := loadPorts(u.dir)
	var err error
	if u.Port, err = saved.pick("http", Loopback, u.Port); err != nil {
		return err
	}
	if err := saved.save(); err != nil {
		return err
	}
	conf := fmt.Sprintf("port: %d\nhost: %s\nenableUi: true\ntemporalGrpcAddress: %s\ndefaultNamespace: %s\ndisableNewsFetch: true\n",
		u.Port, Loopback, u.temporal.Address(), Namespace)
	if err := writeFile(filepath.Join(u.dir, "config.yaml"), []byte(conf), 0o600); err != nil {
		return err
	}
	// It reads <root>/<config>/<env>.yaml.
	argv := []string{filepath.Join(u.bin, "temporal-ui-server"), "--root", u.dir, "--config", ".", "--env", "config", "start"}
	if err := u.start(ctx, argv, nil); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return u.ready(ctx, func(ctx context.Context) error { return answers(ctx, u.Address()+"/healthz") })
}
