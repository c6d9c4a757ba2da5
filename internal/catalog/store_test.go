package catalog_test

import (
	"context"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
)

func TestUnmigratedDatabaseSaysWhatToDo(t *testing.T) {
	t.Parallel()
	u := catalogtest.URL(t)
	_, err := catalog.Open(t.Context(), u)
	require.ErrorContains(t, err, "run `planb migrate`")
	from, to, err := catalog.Migrate(t.Context(), u)
	require.NoError(t, err)
	require.Zero(t, from)
	again, same, err := catalog.Migrate(t.Context(), u)
	require.NoError(t, err)
	require.Equal(t, to, again)
	require.Equal(t, to, same)
	s, err := catalog.Open(t.Context(), u)
	require.NoError(t, err)
	s.Close()
}

func TestOtherVersionsAreRefused(t *testing.T) {
	t.Parallel()
	u := catalogtest.URL(t)
	_, _, err := catalog.Migrate(t.Context(), u)
	require.NoError(t, err)
	execute(t, u, "update planb_schema_version set version = 0")
	_, err = catalog.Open(t.Context(), u)
	require.ErrorContains(t, err, "has schema version 0")
	execute(t, u, "update planb_schema_version set version = 9999")
	_, err = catalog.Open(t.Context(), u)
	require.ErrorContains(t, err, "install the newer planb")
	_, _, err = catalog.Migrate(t.Context(), u)
	require.ErrorContains(t, err, "install the newer planb")
}

func TestMigrationsAtOnceWaitForEachOther(t *testing.T) {
	t.Parallel()
	u := catalogtest.URL(t)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			_, _, err := catalog.Migrate(context.WithoutCancel(t.Context()), u)
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func TestPostgreSQLThatIsNotThere(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	_, err = catalog.Open(t.Context(), "postgres://planb:hunter2@"+address+"/planb?sslmode=disable")
	require.EqualError(t, err, "PostgreSQL does not answer at "+address+": start it or set PLANB_DATABASE_URL")
	require.True(t, catalog.IsUnavailable(err))
}

func TestDatabaseURLErrorsHideThePassword(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"", "postgres://planb:hunter2@:x/planb", "host=a port=hunter2", "http://planb:hunter2@a/b"} {
		_, err := catalog.Open(t.Context(), u)
		require.Error(t, err)
		require.ErrorContains(t, err, "PLANB_DATABASE_URL")
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestMissingDatabaseAndRole(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(catalogtest.URL(t))
	require.NoError(t, err)
	u.Path = "/planb_none"
	_, err = catalog.Open(t.Context(), u.String())
	require.ErrorContains(t, err, "createdb")
	u.Path, u.User = "/postgres", url.UserPassword("planb_nobody", "hunter2")
	_, err = catalog.Open(t.Context(), u.String())
	require.ErrorContains(t, err, "refuses the sign-in")
	require.NotContains(t, err.Error(), "hunter2")
}

// The constraints hold against writers that do not come through this package.
func TestConstraintsRefuseBadData(t *testing.T) {
	t.Parallel()
	u := catalogtest.URL(t)
	_, _, err := catalog.Migrate(t.Context(), u)
	require.NoError(t, err)
	execute(t, u, `insert into groups (name) values ('acme')`)
	execute(t, u, `insert into storages (server, dataset) values ('s', 'tank/B')`)
	host := `insert into hosts (group_id, name, address`
	values := ` from groups`
	for _, sql := range []string{
		`insert into groups (name) values ('a/b')`,
		`insert into groups (name) values ('-a')`,
		`insert into groups (name) values ('a..b')`,
		`insert into groups (name) values (E'a\nb')`,
		`insert into storages (server, dataset) values ('s', '-tank')`,
		`insert into storages (server, dataset) values ('s', 'tank//x')`,
		host + `) select id, 'h', '-oProxyCommand=x'` + values,
		host + `) select id, 'h', 'a b'` + values,
		host + `, transport) select id, 'h', 'a', 'rsyncd'` + values,
		host + `, dataset) select id, 'h', 'a', 'tank/B/x'` + values,
		host + `, dataset_made) select id, 'h', 'a', true` + values,
		host + `, storage_id, dataset) select groups.id, 'h', 'a', storages.id, 'tank/B/x@y' from groups, storages`,
		`insert into policies (scope) values ('group')`,
		`insert into policies (scope, group_id) select 'system', id from groups`,
		`insert into policies (scope, settings) values ('system', '[]')`,
		`insert into policies (scope) values ('system'), ('system')`,
		`insert into runs (id, workflow_id, group_name, host_name, kind, trigger, state, started) values ('../x', '', '', '', 'backup', 'manual', 'running', now())`,
		`insert into runs (id, workflow_id, group_name, host_name, kind, trigger, state, started) values ('x', '', '', '', 'backup', 'manual', 'ok', now())`,
		`insert into runs (id, workflow_id, group_name, host_name, kind, trigger, state, started, finished) values ('x', '', '', '', 'backup', 'manual', 'running', now(), now())`,
		`insert into runs (id, workflow_id, group_name, host_name, kind, trigger, state, started, finished) values ('x', '', '', '', 'backup', 'manual', 'odd', now(), now())`,
		`insert into audit (actor, action, subject) values ('', 'a.b', '')`,
	} {
		require.Error(t, try(t, u, sql), sql)
	}
	execute(t, u, `insert into runs (id, workflow_id, group_name, host_name, kind, trigger, state, started, finished)
		values ('x', '', '', '', 'backup', 'manual', 'ok', now(), now())`)
	require.ErrorContains(t, try(t, u, `update runs set state = 'running', finished = null`), "has ended and cannot become running again")
}

func try(t *testing.T, u, sql string) error {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), u)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	_, err = conn.Exec(t.Context(), sql)
	return err
}

func execute(t *testing.T, u, sql string) {
	t.Helper()
	require.NoError(t, try(t, u, sql))
}

// Every message for people is one line.
func TestErrorsAreOneLine(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	_, err := s.Host(t.Context(), web1)
	require.False(t, strings.Contains(err.Error(), "\n"))
	require.EqualError(t, err, "there is no host acme/web1: see `planb host list`, or add it with `planb host add acme/web1 --address …`")
}
