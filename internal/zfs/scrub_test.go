package zfs

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func status(scan, errs string) string {
	return "  pool: tank\n state: ONLINE\n" + scan + "config:\n\n\tNAME        STATE     READ WRITE CKSUM\n" +
		"\ttank        ONLINE       0     0     0\n\nerrors: " + errs + "\n"
}

func TestParseScrub(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 8, 0, 24, 2, 0, time.UTC)
	const none = "No known data errors"
	for name, tc := range map[string]struct {
		status string
		want   Scrub
	}{
		"OpenZFS 2":            {status("  scan: scrub repaired 0B in 00:24:01 with 0 errors on Sun Nov  8 00:24:02 2026\n", none), Scrub{State: ScrubDone, At: &at}},
		"ZFS on Linux 0.7":     {status("  scan: scrub repaired 0 in 1h24m with 0 errors on Sun Nov  8 00:24:02 2026\n", none), Scrub{State: ScrubDone, At: &at}},
		"OpenZFS 2, days":      {status("  scan: scrub repaired 1.50M in 2 days 03:14:15 with 12 errors on Sun Nov  8 00:24:02 2026\n", "3 data errors, use '-v' for a list"), Scrub{State: ScrubDone, At: &at, Errors: 12, DataErrors: 3}},
		"zfs-fuse":             {status(" scrub: scrub completed after 0h0m with 0 errors on Sun Nov  8 00:24:02 2026\n", none), Scrub{State: ScrubDone, At: &at}},
		"zfs-fuse, none":       {status(" scrub: none requested\n", none), Scrub{State: ScrubNever}},
		"OpenZFS, none":        {status("", none), Scrub{State: ScrubNever}},
		"under way":            {status("  scan: scrub in progress since Sun Nov  8 00:00:00 2026\n\t1.2T scanned at 1G/s\n", none), Scrub{State: ScrubRunning}},
		"zfs-fuse, under way":  {status(" scrub: scrub in progress for 0h0m, 10.20% done, 0h3m to go\n", none), Scrub{State: ScrubRunning}},
		"paused":               {status("  scan: scrub paused since Sun Nov  8 00:00:00 2026\n", none), Scrub{State: ScrubRunning}},
		"cancelled":            {status("  scan: scrub canceled on Sun Nov  8 00:24:02 2026\n", none), Scrub{State: ScrubStopped}},
		"zfs-fuse, stopped":    {status(" scrub: scrub stopped after 0h1m with 0 errors on Sun Nov  8 00:24:02 2026\n", none), Scrub{State: ScrubStopped}},
		"resilvered":           {status("  scan: resilvered 2G in 00:00:05 with 0 errors on Sun Nov  8 00:24:02 2026\n", none), Scrub{State: ScrubResilver}},
		"zfs-fuse, resilvered": {status(" scrub: resilver completed after 0h0m with 0 errors on Sun Nov  8 00:24:02 2026\n", none), Scrub{State: ScrubResilver}},
		"other words":          {status("  scan: scrub polished everything\n", none), Scrub{State: ScrubUnknown}},
		"without a time":       {status("  scan: scrub repaired 0B in 00:24:01 with 0 errors on Sunday\n", none), Scrub{State: ScrubUnknown}},
		"nothing at all":       {"", Scrub{State: ScrubUnknown}},
	} {
		require.Equal(t, tc.want, parseScrub(tc.status), name)
	}
}

func FuzzParseScrub(f *testing.F) {
	f.Add(status("  scan: scrub repaired 0B in 00:24:01 with 0 errors on Sun Nov  8 00:24:02 2026\n", "No known data errors"))
	f.Fuzz(func(t *testing.T, text string) {
		s := parseScrub(text)
		require.Equal(t, s.State == ScrubDone, s.At != nil)
		require.GreaterOrEqual(t, s.DataErrors, int64(0))
	})
}
