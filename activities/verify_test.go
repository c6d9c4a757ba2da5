package activities

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/index"
	"planb/internal/policy"
	"planb/internal/sums"
	"planb/internal/verify"
)

// verifying is a storage server with a host that has one snapshot.
type verifying struct{ *pulling }

const verifiedSnapshot = "daily-202611230130"

// newVerifying backs files up. Lies are checksums, by path, that are kept instead
// of those that the host told.
func newVerifying(t *testing.T, settings policy.Settings, files, lies map[string]string) *verifying {
	t.Helper()
	v := &verifying{newPulling(t, settings)}
	v.Indexes = v.NewIndexes()
	t.Cleanup(v.Indexes.Close)
	v.plan.Policy.Include.Value = []string{"/"}
	v.write(files)
	old := night.Add(-time.Hour)
	for name := range files {
		require.NoError(t, os.Chtimes(filepath.Join(v.source, name), old, old))
	}
	require.Equal(t, policy.StateOK, v.pull().State)
	w, err := sums.Append(v.sumsDir(v.plan))
	require.NoError(t, err)
	for path, lie := range lies {
		w.Add(path, sums.Sum{Size: int64(len(files[path[1:]])), MTimeUnix: old.Unix(), Hex: lie})
	}
	require.NoError(t, w.Close())
	v.snapshot(verifiedSnapshot)
	v.run("22222222-aaaa-4000-8000-000000000002")
	return v
}

func (v *verifying) verify(sample string) Verified {
	v.t.Helper()
	s, err := policy.ParseSample(sample)
	require.NoError(v.t, err)
	before := v.there()
	out := do[Verified](v.storageServer, v.Verify, VerifyInput{Plan: v.plan, Snapshot: verifiedSnapshot, Sample: s, Seed: 7})
	left, err := os.ReadDir(v.scratchDir())
	require.NoError(v.t, err)
	require.Empty(v.t, left, "what was restored is removed")
	require.Equal(v.t, before, v.there(), "the dataset is not changed")
	return out
}

func (v *verifying) log() string {
	v.t.Helper()
	b, err := os.ReadFile(v.LogFile(v.plan.Run))
	require.NoError(v.t, err)
	return string(b)
}

// silently changes a file of the host in a way that no backup notices.
func (v *verifying) silently(name, text string) {
	v.t.Helper()
	path := filepath.Join(v.source, name)
	info, err := os.Stat(path)
	require.NoError(v.t, err)
	require.EqualValues(v.t, info.Size(), len(text))
	require.NoError(v.t, os.WriteFile(path, []byte(text), 0o644))
	require.NoError(v.t, os.Chtimes(path, info.ModTime(), info.ModTime()))
}

func manyFiles(n int) map[string]string {
	files := map[string]string{"etc/canary": "sings"}
	for i := range n - 1 {
		files[fmt.Sprintf("srv/%d/new\nline %d", i%7, i)] = strings.Repeat("x", i)
	}
	return files
}

func TestVerifyProves(t *testing.T) {
	t.Parallel()
	canaries := []string{"/etc/canary"}
	v := newVerifying(t, policy.Settings{Canaries: &canaries}, manyFiles(40), nil)
	out := v.verify("random=20,largest=5")
	require.Equal(t, verify.Proven, out.Tally.Outcome(), v.log())
	require.Empty(t, out.HostNotAsked)
	require.GreaterOrEqual(t, out.Tally.Files, int64(20))
	require.LessOrEqual(t, out.Tally.Files, int64(26))
	require.Equal(t, out.Tally.Files, out.Tally.ByHost)
	require.Equal(t, out.Tally.Files, out.Tally.BySum)
	require.EqualValues(t, 1, out.Tally.CanariesOK)
	require.GreaterOrEqual(t, out.Tally.Bytes, int64(34+35+36+37+38), "the largest are among them")
	require.Positive(t, out.RestoreSeconds)
	require.Equal(t, "ONLINE", out.Room.Health)
	require.Equal(t, "never", out.Room.Scrub.State)
	require.Equal(t, strings.TrimSuffix(v.plan.Storage, "/BACKUP"), out.Pool)
	again := v.verify("random=20,largest=5")
	again.RestoreSeconds, again.Room = out.RestoreSeconds, out.Room
	require.Equal(t, out, again, "the same seed takes the same files")

	// Changed on the host since: no mismatch, and the checksums are left.
	for name := range manyFiles(40) {
		v.write(map[string]string{name: "changed since"})
	}
	out = v.verify("random=20")
	require.Equal(t, verify.Proven, out.Tally.Outcome(), v.log())
	require.Zero(t, out.Tally.ByHost)
	require.Equal(t, out.Tally.Files, out.Tally.BySum)

	// The host is down, and that is said.
	v.ssh.Kill()
	out = v.verify("random=20")
	require.Equal(t, verify.Proven, out.Tally.Outcome(), v.log())
	require.Zero(t, out.Tally.ByHost)
	require.Contains(t, out.HostNotAsked, "refused")
}

func TestVerifyFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	canaries := []string{"/etc/canary", "/etc/missing", "/etc/link"}
	v := newVerifying(t, policy.Settings{Canaries: &canaries}, map[string]string{
		"etc/canary": "sings", "etc/silent": "as it was", "etc/rotten": "as it was", "etc/mode": "as it was", "etc/b": "b",
	}, map[string]string{"/etc/rotten": strings.Repeat("ab", 16)})
	v.silently("etc/silent", "as it Was")
	require.NoError(t, os.Chmod(filepath.Join(v.source, "etc/mode"), 0o600))

	out := v.verify("random=100")
	tally := out.Tally
	require.Equal(t, verify.Mismatch, tally.Outcome())
	kinds := map[string]string{}
	for _, f := range tally.Findings {
		kinds[f.Path] = f.Kind
	}
	require.Equal(t, map[string]string{
		"/etc/silent": verify.KindHost, "/etc/rotten": verify.KindBackup, "/etc/missing": verify.KindMissing, "/etc/link": verify.KindMissing,
	}, kinds)
	require.EqualValues(t, 4, tally.Mismatched)
	require.EqualValues(t, 3, tally.Compared)
	require.Equal(t, []string{"/etc/mode (mode)"}, tally.AttributeFiles)
	require.EqualValues(t, 3, tally.Canaries)
	require.EqualValues(t, 1, tally.CanariesOK)
	require.Contains(t, v.log(), "mismatch /etc/silent: is in the backup as the host sent it")
	require.Contains(t, v.log(), "mismatch /etc/missing: is not in the snapshot")

	// What was wrong is looked at again, whatever is drawn by lot.
	v.plan.Policy.Canaries.Value = nil
	out = v.verify("largest=1,bytes=1M")
	require.EqualValues(t, 2, out.Tally.Mismatched, v.log())
	v.silently("etc/silent", "as it was")
	// Checksums go with the index; it is built anew without them.
	require.NoError(t, os.RemoveAll(filepath.Join(v.State, "index")))
	out = v.verify("largest=1")
	require.Equal(t, verify.Proven, out.Tally.Outcome(), v.log())
	require.GreaterOrEqual(t, out.Tally.Files, int64(2))
	require.NoFileExists(t, v.recheckFile(v.plan))
}

// A file that was in the snapshot when it was indexed and is there no more is not
// passed over.
func TestVerifyMissesWhatTheSnapshotLost(t *testing.T) {
	t.Parallel()
	v := newVerifying(t, policy.Settings{}, map[string]string{"etc/a": "a"}, nil)
	whole := v.verify("all")
	require.Equal(t, verify.Proven, whole.Tally.Outcome())
	indexes, err := filepath.Glob(filepath.Join(v.State, "index", "*.db"))
	require.NoError(t, err)
	require.Len(t, indexes, 1)
	db, err := sql.Open("sqlite", indexes[0])
	require.NoError(t, err)
	defer db.Close()
	for _, change := range []string{
		`INSERT INTO files (id, dir, name) SELECT 1000, dir, x'6c6f7374' FROM files WHERE name = x'61'`,
		`INSERT INTO versions SELECT 1000, last, first, mode, uid, gid, size, mtime, ctime, ino, nlink, rdev, target, sum
			FROM versions WHERE file = (SELECT id FROM files WHERE name = x'61')`,
	} {
		_, err := db.ExecContext(t.Context(), change)
		require.NoError(t, err)
	}
	for _, sample := range []string{"all", "random=5"} {
		out := v.verify(sample)
		require.Len(t, out.Tally.Findings, 1, v.log())
		require.Equal(t, verify.Mismatch, out.Tally.Outcome())
		require.Equal(t, verify.KindLost, out.Tally.Findings[0].Kind)
		require.Equal(t, "/etc/lost", out.Tally.Findings[0].Path)
		require.EqualValues(t, 1, out.Tally.Compared)
	}
}

func TestVerifyWithoutAnythingToCompare(t *testing.T) {
	t.Parallel()
	v := newVerifying(t, policy.Settings{}, map[string]string{"etc/a": "a", "etc/b": "b"},
		map[string]string{"/etc/a": "abcd", "/etc/b": "abcd"}) // of no known kind
	for _, name := range []string{"etc/a", "etc/b"} {
		v.write(map[string]string{name: "changed since"})
	}
	out := v.verify("random=5")
	require.Equal(t, verify.Unproven, out.Tally.Outcome(), v.log())
	require.EqualValues(t, 2, out.Tally.NotComparable)
	require.Equal(t, []string{"/etc/a", "/etc/b"}, out.Tally.Uncompared)

	// The host's own word for leaving it alone counts here, too.
	v.run("33333333-aaaa-4000-8000-000000000003")
	v.plan.HostKeys = nil
	require.Equal(t, "no host key of it is pinned", v.verify("random=5").HostNotAsked)
}

func TestVerifyAllInBatches(t *testing.T) {
	t.Parallel()
	v := newVerifying(t, policy.Settings{}, manyFiles(2300), nil)
	out := v.verify("all")
	require.EqualValues(t, 2300, out.Tally.Compared, out.Tally.Summary())
	require.EqualValues(t, 2300, out.Tally.BySum)

	// A sample in fewer bytes than its files have.
	v.plan.Policy.Canaries.Value = []string{"/etc/canary"}
	out = v.verify("all,bytes=1M")
	require.EqualValues(t, 2300, out.Tally.Compared, out.Tally.Summary())
	require.EqualValues(t, 1, out.Tally.CanariesOK)
}

// A worker that was killed leaves restored files, and how far it was.
func TestVerifyGoesOnAfterACrash(t *testing.T) {
	t.Parallel()
	v := newVerifying(t, policy.Settings{}, manyFiles(1500), nil)
	require.NoError(t, v.Indexes.Read(t.Context(), v.plan.Dataset, time.Minute, func(x *index.Index, _ index.Progress) error {
		_, last, err := x.Regular(t.Context(), verifiedSnapshot, 0, 1000)
		require.NoError(t, err)
		done := verified{After: last, Sampled: true}
		done.Tally = verify.Tally{Files: 1000, Compared: 1000, ByHost: 1000}
		text, err := json.Marshal(done)
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(v.RunsDir(), 0o700))
		return os.WriteFile(filepath.Join(v.RunsDir(), v.plan.Run+".verify.json"), text, 0o600)
	}))
	left := filepath.Join(v.scratchDir(), v.plan.Run+".0", "files", "etc")
	require.NoError(t, os.MkdirAll(left, 0o700))
	out := v.verify("all")
	require.EqualValues(t, 1500, out.Tally.Files, v.log())
	require.EqualValues(t, 1500, out.Tally.ByHost)
	require.EqualValues(t, 500, out.Tally.BySum, "the rest alone was done again")
	require.NoFileExists(t, filepath.Join(v.RunsDir(), v.plan.Run+".verify.json"))

	// What the worker that starts finds is removed; what is not PlanB's is not.
	require.NoError(t, os.MkdirAll(left, 0o700))
	other := filepath.Join(v.scratchDir(), "photos-of-my-own-family")
	require.NoError(t, os.MkdirAll(other, 0o700))
	require.NoError(t, v.CleanScratch())
	require.NoDirExists(t, left)
	require.DirExists(t, other)
}

func TestVerifyOfASnapshotThatIsGone(t *testing.T) {
	t.Parallel()
	v := newVerifying(t, policy.Settings{}, map[string]string{"etc/a": "a"}, nil)
	said := v.refuses(ErrTypeNoSnapshot, v.Verify, VerifyInput{Plan: v.plan, Snapshot: "daily-202001010000", Sample: policy.DefaultSample()})
	require.Contains(t, said, "daily-202001010000")
}
