package zfs

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func readRecords(t *testing.T, file string) []*record {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	require.NoError(t, err)
	list, err := parseGet(string(b))
	require.NoError(t, err)
	require.Len(t, list, 2)
	return list
}

func TestParseGetOfOpenZFS(t *testing.T) {
	t.Parallel()
	list := readRecords(t, "get-openzfs.txt")
	d, err := list[0].dataset()
	require.NoError(t, err)
	require.Equal(t, Dataset{
		Name: "tank/BACKUP/acme/web1", Mountpoint: "/tank/BACKUP/acme/web1", Mounted: true,
		Used: 5368709120, Referenced: 4294967296, Available: 94552064000, Written: 1048576, LogicalUsed: 7516192768,
		Created: time.Unix(1795417234, 0).UTC(),
		Props:   map[string]string{PropHost: "8d5a0b1e", PropName: "acme/web1"},
	}, d)
	s, err := list[1].snapshot()
	require.NoError(t, err)
	require.Equal(t, Snapshot{
		Dataset: "tank/BACKUP/acme/web1", Name: "daily-202611220130", Created: time.Unix(1795311000, 0).UTC(),
		Used: 0, Referenced: 4294967296, Written: 65536, Holds: 2,
		Props: map[string]string{PropRun: "r1", PropState: "ok"},
	}, s)
}

func TestParseGetOfZFSFuse(t *testing.T) {
	t.Parallel()
	list := readRecords(t, "get-zfs-fuse.txt")
	d, err := list[0].dataset()
	require.NoError(t, err)
	require.EqualValues(t, -1, d.Written, "zfs-fuse does not know it")
	require.EqualValues(t, -1, d.LogicalUsed)
	require.EqualValues(t, 114688, d.Used)
	s, err := list[1].snapshot()
	require.NoError(t, err)
	require.EqualValues(t, -1, s.Written)
	require.Equal(t, map[string]string{PropRun: "r1"}, s.Props)
}

func TestParseGetQuotesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	for _, out := range []string{"no tabs", "a\tb\tc", "a\tb\tc\td\te", "\tused\t1\t-", "a\tused\t1\t-\nrest of a value"} {
		_, err := parseGet(out)
		require.ErrorContains(t, err, "does not understand", "%q", out)
	}
	list, err := parseGet("tank\tused\t12K\t-\n")
	require.NoError(t, err)
	_, err = list[0].dataset()
	require.ErrorContains(t, err, `tank\tused\t12K`)
}

func TestParsePool(t *testing.T) {
	t.Parallel()
	p, err := parsePool("tank\t1992864825344\t912345678901\t1080519146443\tONLINE")
	require.NoError(t, err)
	require.Equal(t, Pool{Name: "tank", Health: "ONLINE", Size: 1992864825344, Allocated: 912345678901, Free: 1080519146443}, p)

	p, err = parsePool("planb\t123M\t1.28M\t122M\tDEGRADED")
	require.NoError(t, err)
	require.Equal(t, Pool{Name: "planb", Health: "DEGRADED", Size: 123 << 20, Allocated: 1342177, Free: 122 << 20}, p)

	p, err = parsePool("dead\t-\t-\t-\tFAULTED")
	require.NoError(t, err)
	require.EqualValues(t, -1, p.Free)

	for _, line := range []string{"", "tank\t1\t2\t3", "tank\tbig\t2\t3\tONLINE", "tank\t-5\t2\t3\tONLINE", "tank\t\t2\t3\tONLINE", "tank\t9999E\t2\t3\tONLINE"} {
		_, err := parsePool(line)
		require.ErrorContains(t, err, "does not understand", "%q", line)
	}
}

func FuzzParseGet(f *testing.F) {
	f.Add("tank\tused\t1\t-\n")
	f.Fuzz(func(t *testing.T, out string) {
		list, err := parseGet(out)
		if err != nil {
			return
		}
		for _, r := range list {
			require.NotEmpty(t, r.name)
			_, _ = r.dataset()
			_, _ = r.snapshot()
		}
	})
}

// Nothing that passes can be anything but one snapshot of one dataset.
func FuzzCheckSnapshot(f *testing.F) {
	for _, s := range []string{"daily-202611230130", "", "-r", "a@b", "a,b", "a%b", "%", "a b", "a/b", "..", "a#b", "a\n"} {
		f.Add("tank/BACKUP/acme/web1", s)
		f.Add(s, "daily-202611230130")
	}
	f.Fuzz(func(t *testing.T, dataset, snap string) {
		if checkSnapshot(dataset, snap) != nil {
			return
		}
		require.NotContains(t, snap, "/")
		for _, s := range []string{dataset, snap} {
			require.NotEmpty(t, s)
			require.NotEqual(t, byte('-'), s[0])
			for _, bad := range "@%,# \t\n\\'\"$;|&<>*?`" {
				require.NotContains(t, s, string(bad))
			}
		}
	})
}
