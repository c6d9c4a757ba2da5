package catalogtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
)

// Fleet says how large a fleet Seed makes.
type Fleet struct {
	Groups, Hosts int
	// Runs are those of all hosts together, one a day of each.
	Runs int
	// Snapshots are those of each host.
	Snapshots int
	// Now is when the newest runs were; most hosts had one in the last day.
	Now time.Time
}

// Large is the fleet that every list must be fast with.
func Large(now time.Time) Fleet {
	return Fleet{Groups: 50, Hosts: 5000, Runs: 500_000, Snapshots: 30, Now: now}
}

// Seed gives a catalog that is filled with a fleet, always the same one. Of a
// hundred hosts one is disabled, one has never had a good backup, two have none
// since a week, one waits, one runs, and the runs of all fail now and then.
func Seed(t testing.TB, f Fleet) *catalog.Store {
	t.Helper()
	url := URL(t)
	_, _, err := catalog.Migrate(t.Context(), url)
	require.NoError(t, err)
	conn, err := pgx.Connect(t.Context(), url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	s := seeder{t: t, conn: conn, fleet: f, groupIDs: map[string]string{}, random: rand.New(rand.NewPCG(7, 7))}
	s.fill()
	store, err := catalog.Open(t.Context(), url)
	require.NoError(t, err)
	t.Cleanup(store.Close)
	_, err = store.RefreshStandings(t.Context())
	require.NoError(t, err)
	s.run(`vacuum analyze`)
	return store
}

type seeder struct {
	t      testing.TB
	conn   *pgx.Conn
	fleet  Fleet
	random *rand.Rand
	groups []string
	// groupIDs are by name.
	groupIDs map[string]string
	hosts    []seededHost
}

type seededHost struct{ id, group, name string }

func (s *seeder) fill() {
	for i := range s.fleet.Groups {
		name := fmt.Sprintf("group%02d", i)
		s.groups = append(s.groups, name)
		s.groupIDs[name] = uuid.NewSHA1(uuid.Nil, []byte(name)).String()
		s.run(`insert into groups (id, name) values ($1, $2)`, s.groupIDs[name], name)
	}
	s.run(`insert into storages (server, dataset, size_bytes, used_bytes, free_bytes, health, seen_at, pull_slots)
		select 'store' || n, 'tank/BACKUP', 100e12, 60e12, 40e12, 'ONLINE', $1, 8 from generate_series(1, 4) n`, s.fleet.Now)
	s.run(`insert into storage_samples (storage_id, hour, at, used_bytes, free_bytes)
		select s.id, h, h, 60e12 - 1e9 * extract(epoch from $1 - h) / 3600, 40e12 + 1e9 * extract(epoch from $1 - h) / 3600
		from storages s, generate_series(date_trunc('hour', $1::timestamptz) - interval '60 days', $1, interval '1 hour') h
		where h > $1 - interval '14 days' or extract(hour from h) = 23`, s.fleet.Now)
	// Windows and zones as fleets have them.
	s.run(`insert into policies (scope, settings) values ('system', '{"window": "22:00-06:00", "timezone": "Europe/Amsterdam"}')`)
	s.copyHosts()
	// The triggers would look at each run by itself.
	s.run(`alter table runs disable trigger user`)
	again := s.dropIndexes("runs")
	s.copyRuns()
	for _, index := range again {
		s.run(index)
	}
	s.run(`alter table runs enable trigger user`)
	s.copySnapshots()
	s.run(`vacuum analyze`)
	s.run(`select find_newest_backup(id) from hosts`)
	s.seedRecords()
	s.run(`insert into audit (at, actor, action, subject) select r.started, 'alice (web)', 'host.edit', r.group_name || '/' || r.host_name
		from runs r where r.state = 'failed'`)
}

func (s *seeder) copyHosts() {
	var list [][]any
	for i := range s.fleet.Hosts {
		h := seededHost{uuid.NewSHA1(uuid.Nil, fmt.Append(nil, "host", i)).String(), s.groups[s.groupOf(i)], fmt.Sprintf("web%04d", i)}
		s.hosts = append(s.hosts, h)
		lastGood := any(s.fleet.Now.Add(-time.Duration(s.random.IntN(24*60)) * time.Minute))
		switch i % 100 {
		case 7:
			lastGood = nil
		case 13, 14:
			lastGood = s.fleet.Now.AddDate(0, 0, -7)
		}
		list = append(list, []any{
			h.id, h.name, h.name + ".example", i%100 != 3, map[bool]string{true: "being moved"}[i%100 == 3],
			"tank/BACKUP/" + h.group + "/" + h.name, true,
			[]string{[]string{"web", "db", "mail"}[i%3], "prod"},
			s.random.Int64N(1 << 40), s.random.Int64N(1 << 39), s.fleet.Snapshots, lastGood, s.groupOf(i), i % 4,
		})
	}
	s.run(`create temp table seeded (id text, name text, address text, enabled boolean, disabled_reason text, dataset text, made boolean,
		tags text[], used bigint, referenced bigint, snapshots integer, last_good timestamptz, grp integer, storage integer)`)
	s.copyTo("seeded", []string{
		"id", "name", "address", "enabled", "disabled_reason", "dataset", "made", "tags", "used", "referenced", "snapshots", "last_good", "grp", "storage",
	}, list)
	s.run(`insert into hosts (id, group_id, name, address, enabled, disabled_reason, storage_id, dataset, dataset_made, tags, used_bytes,
			referenced_bytes, snapshot_count, last_good, host_keys)
		select x.id::uuid, g.id, x.name, x.address, x.enabled, x.disabled_reason, s.id, x.dataset, x.made, x.tags, x.used, x.referenced,
			x.snapshots, x.last_good, array['ssh-ed25519 ' || repeat('A', 68)]
		from seeded x join groups g on g.name = 'group' || lpad(x.grp::text, 2, '0') join storages s on s.server = 'store' || (x.storage + 1)`)
}

// groupOf gives the group of a host, so that those of each kind are in many.
func (s *seeder) groupOf(host int) int { return (host + host/100) % len(s.groups) }

func (s *seeder) copyRuns() {
	n := s.fleet.Runs
	columns := []string{
		"id", "workflow_id", "host_id", "group_id", "group_name", "host_name", "kind", "trigger", "state", "reason", "started", "finished",
		"snapshot", "files_total", "bytes_transferred", "bytes_total", "message", "remedy", "detail",
	}
	_, err := s.conn.CopyFrom(s.t.Context(), pgx.Identifier{"runs"}, columns, pgx.CopyFromSlice(n, func(i int) ([]any, error) {
		h, day := i%len(s.hosts), i/len(s.hosts)
		return s.runOf(i, h, day)
	}))
	require.NoError(s.t, err)
}

// runOf is the run of a host on a day, counted back from now.
func (s *seeder) runOf(i, h, day int) ([]any, error) {
	host := s.hosts[h]
	started := s.fleet.Now.AddDate(0, 0, -day).Add(-time.Duration(s.random.IntN(12*3600)) * time.Second)
	finished := any(started.Add(time.Duration(60+s.random.IntN(3600)) * time.Second))
	kind, state, reason, message, remedy := "backup", "ok", "", "", ""
	switch dice := s.random.IntN(100); {
	case day == 0 && h%100 == 21:
		state, reason, finished = "waiting", "/var/lib/planb/do-not-run.d/upgrade is there", nil
	case day == 0 && h%100 == 22:
		state, finished = "running", nil
	case h%100 == 7, day < 7 && (h%100 == 13 || h%100 == 14), dice < 2:
		state, message, remedy = "failed", "The host does not answer: connection timed out.", "Check that it is up and that its firewall lets this server in."
	case dice < 5:
		state, message = "warning", "3 files vanished while they were copied."
	case dice < 6:
		state = "skipped"
	case dice < 7:
		kind = "restore"
	}
	return []any{
		uuid.NewSHA1(uuid.Nil, fmt.Append(nil, "run", i)).String(), "backup/" + host.group + "/" + host.name, host.id, s.groupIDs[host.group], host.group, host.name,
		kind, "schedule", state, reason, started, finished, "daily-" + started.UTC().Format("200601021504"),
		s.random.Int64N(1e6), s.random.Int64N(1 << 33), s.random.Int64N(1 << 38), message, remedy, `{"counts": {"files": 1000}}`,
	}, nil
}

func (s *seeder) copySnapshots() {
	per := s.fleet.Snapshots
	columns := []string{"host_id", "name", "created", "state", "tiers", "used_bytes", "referenced_bytes"}
	_, err := s.conn.CopyFrom(s.t.Context(), pgx.Identifier{"snapshots"}, columns, pgx.CopyFromSlice(per*len(s.hosts), func(i int) ([]any, error) {
		h, day := i%len(s.hosts), i/len(s.hosts)
		at, state := s.fleet.Now.AddDate(0, 0, -day).Add(-time.Hour), "ok"
		if day == 0 && h%500 == 33 {
			state = "suspect"
		}
		return []any{s.hosts[h].id, "daily-" + at.UTC().Format("200601021504"), at, state, []string{"daily"}, s.random.Int64N(1 << 30), s.random.Int64N(1 << 38)}, nil
	}))
	require.NoError(s.t, err)
}

// dropIndexes drops the indexes of a table that no constraint needs, and gives
// what makes them again: all at once is several times faster than row by row.
func (s *seeder) dropIndexes(table string) (again []string) {
	s.t.Helper()
	found, err := s.conn.Query(s.t.Context(), `select i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid)
		from pg_index i where i.indrelid = $1::regclass and not exists (select from pg_constraint c where c.conindid = i.indexrelid)`, table)
	require.NoError(s.t, err)
	names := map[string]string{}
	var name, definition string
	_, err = pgx.ForEachRow(found, []any{&name, &definition}, func() error {
		names[name] = definition
		return nil
	})
	require.NoError(s.t, err)
	for name, definition := range names {
		s.run(`drop index ` + name)
		again = append(again, definition)
	}
	return again
}

func (s *seeder) run(sql string, args ...any) {
	s.t.Helper()
	_, err := s.conn.Exec(s.t.Context(), sql, args...)
	require.NoError(s.t, err, sql)
}

func (s *seeder) copyTo(table string, columns []string, list [][]any) {
	s.t.Helper()
	_, err := s.conn.CopyFrom(s.t.Context(), pgx.Identifier{table}, columns, pgx.CopyFromRows(list))
	require.NoError(s.t, err)
}
