package watch_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/watch"
)

var now = time.Date(2026, 11, 27, 12, 0, 0, 0, time.UTC)

func TestStorage(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	in := func(d time.Duration) *time.Time { return new(now.Add(d)) }
	for name, c := range map[string]struct {
		change func(*catalog.StorageRoom)
		open   string
		want   []string
	}{
		"well":                           {func(*catalog.StorageRoom) {}, "", nil},
		"gone":                           {func(s *catalog.StorageRoom) { s.Health = "MISSING" }, "", []string{"degraded critical"}},
		"a disk is out":                  {func(s *catalog.StorageRoom) { s.Health = "DEGRADED" }, "", []string{"degraded error"}},
		"suspended":                      {func(s *catalog.StorageRoom) { s.Health = "SUSPENDED" }, "", []string{"degraded critical"}},
		"lost data":                      {func(s *catalog.StorageRoom) { s.DataErrors = new(int64(1)) }, "", []string{"errors critical"}},
		"scrub found errors":             {func(s *catalog.StorageRoom) { s.ScrubErrors = new(int64(2)) }, "", []string{"errors critical"}},
		"scrub is old":                   {func(s *catalog.StorageRoom) { s.ScrubAt = in(-41 * day) }, "", []string{"unscrubbed warning"}},
		"old scrub, one under way":       {func(s *catalog.StorageRoom) { s.ScrubAt, s.ScrubState = in(-41*day), "running" }, "", nil},
		"little room":                    {func(s *catalog.StorageRoom) { s.FreeBytes = new(int64(99)) }, "", []string{"room warning"}},
		"full":                           {func(s *catalog.StorageRoom) { s.FreeBytes = new(int64(29)) }, "", []string{"room error"}},
		"at the edge":                    {func(s *catalog.StorageRoom) { s.FreeBytes = new(int64(110)) }, "", nil},
		"at the edge again":              {func(s *catalog.StorageRoom) { s.FreeBytes = new(int64(110)) }, "room", []string{"room warning"}},
		"enough again":                   {func(s *catalog.StorageRoom) { s.FreeBytes = new(int64(121)) }, "room", nil},
		"fills":                          {func(s *catalog.StorageRoom) { s.FullAt = in(29 * day) }, "", []string{"filling warning"}},
		"fills slowly":                   {func(s *catalog.StorageRoom) { s.FullAt = in(31 * day) }, "", nil},
		"fills slower":                   {func(s *catalog.StorageRoom) { s.FullAt = in(31 * day) }, "filling", []string{"filling warning"}},
		"room that nobody knows":         {func(s *catalog.StorageRoom) { s.FreeBytes = nil }, "", nil},
		"a worker that tells no scrub":   {func(s *catalog.StorageRoom) { s.ScrubState, s.ScrubAt = "", nil }, "", nil},
		"degraded, and with little room": {func(s *catalog.StorageRoom) { s.Health, s.FreeBytes = "DEGRADED", new(int64(99)) }, "", []string{"degraded error", "room warning"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := catalog.StorageRoom{Storage: catalog.Storage{
				Server: "backup1", Dataset: "tank/BACKUP", Health: "ONLINE", SizeBytes: new(int64(1000)), FreeBytes: new(int64(500)),
				ScrubState: "done", ScrubAt: in(-39 * day),
			}}
			c.change(&s)
			var got []string
			for _, f := range watch.Storage(s, func(kind string) bool { return kind == c.open }, watch.DefaultLimits(10, 3), now) {
				require.Equal(t, "backup1:tank/BACKUP", f.Subject)
				require.NotEmpty(t, f.Remedy)
				got = append(got, f.Kind+" "+f.Severity)
			}
			require.Equal(t, c.want, got)
		})
	}
}

// A pool that was never scrubbed is told once it could have been.
func TestNeverScrubbed(t *testing.T) {
	t.Parallel()
	l := watch.DefaultLimits(10, 3)
	found := watch.Storage(catalog.StorageRoom{Storage: catalog.Storage{Health: "ONLINE", ScrubState: "never"}}, func(string) bool { return false }, l, now)
	require.Len(t, found, 1)
	require.Equal(t, l.ScrubAge, found[0].Patience)
}
