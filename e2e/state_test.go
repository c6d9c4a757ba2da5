package e2e

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
)

// everything is all that a command could change, in lines: the catalog's rows,
// the pool's datasets and snapshots with what they carry, and the schedules.
// Left out is what the storage worker notes of itself every now and then, what
// WatchFleet finds by itself, and how far notices of earlier tests are on their way.
func everything(t testing.TB) []string {
	t.Helper()
	all := catalogRows(t, "storages", "tern_version", "conditions", "notices", "deliveries")
	for line := range strings.Lines(zfsOut(t, "get", "-Hp", "-r", "-o", "name,property,value",
		"creation,mountpoint,userrefs,planb:host,planb:name,planb:run,planb:state", stack.Storage)) {
		// A clone to look through, where ZFS shows snapshots in no other way.
		if !strings.Contains(line, "/planb-view-") {
			all = append(all, strings.TrimSpace(line))
		}
	}
	return append(all, scheduleIDs(t)...)
}

// requireNothingChanged compares what is there with what everything gave.
func requireNothingChanged(t testing.TB, before []string) {
	t.Helper()
	now := everything(t)
	require.Empty(t, without(now, before), "more than before")
	require.Empty(t, without(before, now), "less than before")
}

// without gives the lines of a that b lacks.
func without(a, b []string) (lines []string) {
	for _, line := range a {
		if !slices.Contains(b, line) {
			lines = append(lines, line)
		}
	}
	return lines
}

// catalogRows gives every row of the catalog's tables but those left out.
func catalogRows(t testing.TB, leftOut ...string) (all []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	db, err := pgx.Connect(ctx, stack.DatabaseURL)
	require.NoError(t, err)
	defer func() { _ = db.Close(context.WithoutCancel(ctx)) }()
	tables := column(ctx, t, db, `select table_name from information_schema.tables
		where table_schema = current_schema() and table_type = 'BASE TABLE' order by 1`)
	require.Subset(t, tables, []string{"hosts", "groups", "runs", "snapshots"})
	for _, table := range tables {
		if slices.Contains(leftOut, table) {
			continue
		}
		name := pgx.Identifier{table}.Sanitize()
		for _, row := range column(ctx, t, db, `select to_jsonb(x)::text from `+name+` x order by 1`) {
			all = append(all, table+" "+row)
		}
	}
	return all
}

func column(ctx context.Context, t testing.TB, db *pgx.Conn, sql string) []string {
	t.Helper()
	rows, err := db.Query(ctx, sql)
	require.NoError(t, err)
	values, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return values
}

// temporal connects to the stack's Temporal, as another program of the
// operator would.
func temporal(t testing.TB) client.Client {
	t.Helper()
	c, err := client.Dial(client.Options{HostPort: stack.TemporalAddress, Namespace: stack.Namespace, Logger: quiet{}})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// quiet says nothing.
type quiet struct{}

func (quiet) Debug(string, ...any) {}
func (quiet) Info(string, ...any)  {}
func (quiet) Warn(string, ...any)  {}
func (quiet) Error(string, ...any) {}

// scheduleIDs are the ids of all schedules, and whether each is paused.
func scheduleIDs(t testing.TB) (ids []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	list, err := temporal(t).ScheduleClient().List(ctx, client.ScheduleListOptions{})
	require.NoError(t, err)
	for list.HasNext() {
		s, err := list.Next()
		require.NoError(t, err)
		ids = append(ids, fmt.Sprintf("%s paused=%t %s", s.ID, s.Paused, s.Note))
	}
	slices.Sort(ids)
	return ids
}

// forgetStorage takes the storages of a server, which is gone for good, out of
// the catalog: other tests have one storage to choose from.
func forgetStorage(t testing.TB, server string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	db, err := pgx.Connect(ctx, stack.DatabaseURL)
	require.NoError(t, err)
	defer func() { _ = db.Close(context.WithoutCancel(ctx)) }()
	_, err = db.Exec(ctx, `delete from storages where server = $1`, server)
	require.NoError(t, err)
}
