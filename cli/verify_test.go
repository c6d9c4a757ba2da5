package cli

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/ident"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestEvidenceOnPaper holds the printed evidence to a golden file; -update
// writes it anew.
func TestEvidenceOnPaper(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 4, 37, 0, 0, time.FixedZone("", 3600))
	scrubbed := at.Add(-40 * time.Hour)
	list := []catalog.Verification{
		{
			Run: "6f1c2c8e-0000-4000-8000-000000000002", Host: "acme/web1", Server: "store1", Dataset: "tank/BACKUP/acme/web1",
			Snapshot: "daily-202611230130", SnapshotCreated: &at, Trigger: "manual", Outcome: "mismatch",
			Summary: "1 file is not as it has to be: /etc/a is not what the host sent",
			Started: at, Finished: at.Add(75 * time.Second), RestoreSeconds: 3.25, Sample: "random=50,largest=5,bytes=2G",
			Files: 55, Bytes: 1 << 30, Compared: 52, ByHost: 50, ByChecksum: 40, NotComparable: 2, TooLarge: 1, Mismatched: 1,
			Canaries: 2, CanariesOK: 2, Attributes: 1,
			Findings:      json.RawMessage(`[{"path": "/etc/a", "kind": "backup", "text": "is not what the host sent"}]`),
			Uncompared:    json.RawMessage(`["/var/log/a", "/var/log/b"]`),
			WorkerVersion: "v1.2.3", Pool: "tank", PoolHealth: "DEGRADED", ScrubState: "running", ScrubAt: &scrubbed,
			ScrubErrors: new(int64(0)), DataErrors: new(int64(3)), AttributeFiles: json.RawMessage(`["/etc/b (owner)"]`),
		},
		{
			Run: "6f1c2c8e-0000-4000-8000-000000000001", Host: "acme/web1", Server: "store1", Dataset: "tank/BACKUP/acme/web1",
			Snapshot: "daily-202610230130", Trigger: "schedule", Outcome: "proven", Summary: "9 files were restored and found equal",
			Started: at.AddDate(0, -1, 0), Finished: at.AddDate(0, -1, 0).Add(time.Second), Sample: "all,bytes=2G", Files: 9, Compared: 9,
			ByChecksum: 9, HostNotAsked: "acme/web1: connection refused", WorkerVersion: "v1.2.3", Pool: "tank", PoolHealth: "ONLINE",
			ScrubState: "never",
		},
	}
	var out bytes.Buffer
	writeEvidence(&out, list, catalog.VerificationFilter{Host: ident.Host{Group: "acme", Name: "web1"}, Since: at.AddDate(0, -2, 0)}, at.Add(time.Hour))
	golden := filepath.Join("testdata", "evidence.txt")
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(golden, out.Bytes(), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), out.String())
}

func TestScrubText(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 4, 37, 0, 0, time.UTC)
	require.Equal(t, "unknown", scrub("", nil, nil, nil))
	require.Equal(t, "never", scrub("never", nil, nil, new(int64(0))))
	require.Equal(t, "2026-11-23 04:37:00 UTC, 0 errors", scrub("done", &at, new(int64(0)), new(int64(0))))
	require.Equal(t, "2026-11-23 04:37:00 UTC, 2 errors (running now); 3 data errors are known", scrub("running", &at, new(int64(2)), new(int64(3))))
}
