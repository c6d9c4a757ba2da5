package verify_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/rsync"
	"planb/internal/verify"
)

func TestJudge(t *testing.T) {
	t.Parallel()
	same := &rsync.Difference{}
	type diff = rsync.Difference
	for name, tc := range map[string]struct {
		observed verify.Observed
		kind     string
		want     verify.Tally
	}{
		"both say equal":          {verify.Observed{Snapshot: same, Sum: verify.SumEqual, Live: same}, "", verify.Tally{ByHost: 1, BySum: 1, Compared: 1}},
		"host alone":              {verify.Observed{Snapshot: same, Live: same}, "", verify.Tally{ByHost: 1, Compared: 1}},
		"checksum alone":          {verify.Observed{Snapshot: same, Sum: verify.SumEqual}, "", verify.Tally{BySum: 1, Compared: 1}},
		"neither":                 {verify.Observed{Snapshot: same}, "", verify.Tally{NotComparable: 1, Uncompared: []string{"f"}}},
		"changed since, checksum": {verify.Observed{Snapshot: same, Sum: verify.SumEqual, Live: &diff{Content: true, Time: true}}, "", verify.Tally{BySum: 1, Compared: 1}},
		"changed since":           {verify.Observed{Snapshot: same, Live: &diff{Content: true, Size: true, Time: true}}, "", verify.Tally{NotComparable: 1, Uncompared: []string{"f"}}},
		"a directory since":       {verify.Observed{Snapshot: same, Live: &diff{Other: true}}, "", verify.Tally{NotComparable: 1, Uncompared: []string{"f"}}},
		"touched":                 {verify.Observed{Snapshot: same, Live: &diff{Time: true, Mode: true}}, "", verify.Tally{ByHost: 1, Compared: 1}},
		"other owner":             {verify.Observed{Snapshot: same, Live: &diff{Owner: true, ACL: true}}, "", verify.Tally{ByHost: 1, Compared: 1, Attributes: 1, AttributeFiles: []string{"f (owner, ACL)"}}},
		"lost":                    {verify.Observed{Lost: true}, verify.KindLost, verify.Tally{}},
		"lost canary":             {verify.Observed{Canary: true, Lost: true}, verify.KindLost, verify.Tally{Canaries: 1}},
		"canary":                  {verify.Observed{Canary: true, Snapshot: same, Live: same}, "", verify.Tally{ByHost: 1, Compared: 1, Canaries: 1, CanariesOK: 1}},
		"canary unknown":          {verify.Observed{Canary: true, Snapshot: same}, "", verify.Tally{NotComparable: 1, Uncompared: []string{"f"}, Canaries: 1}},
		"canary missing":          {verify.Observed{Canary: true, Absent: "is not in the snapshot"}, verify.KindMissing, verify.Tally{Canaries: 1}},
		"not restored":            {verify.Observed{}, verify.KindRestore, verify.Tally{}},
		"restored wrong":          {verify.Observed{Snapshot: &diff{Owner: true}, Sum: verify.SumEqual, Live: same}, verify.KindRestore, verify.Tally{}},
		"other checksum":          {verify.Observed{Snapshot: same, Sum: verify.SumDiffers, Live: same}, verify.KindBackup, verify.Tally{}},
		"silent on the host":      {verify.Observed{Snapshot: same, Sum: verify.SumEqual, Live: &diff{Content: true}}, verify.KindHost, verify.Tally{}},
		"silent somewhere":        {verify.Observed{Snapshot: same, Live: &diff{Content: true, Mode: true}}, verify.KindEither, verify.Tally{}},
	} {
		var got verify.Tally
		tc.observed.Shown, tc.observed.Size = "f", 7
		f := got.Add(tc.observed)
		if tc.observed.Snapshot != nil {
			tc.want.Files, tc.want.Bytes = 1, 7
		}
		if tc.kind != "" {
			require.NotNil(t, f, name)
			require.Equal(t, tc.kind, f.Kind, name)
			tc.want.Mismatched, tc.want.Findings = 1, []verify.Finding{*f}
			require.Equal(t, verify.Mismatch, got.Outcome(), name)
			require.NotEmpty(t, got.Remedy("acme/web1", "r1"), name)
			require.Contains(t, got.Summary(), f.Text)
		} else {
			require.Nil(t, f, name)
		}
		require.Equal(t, tc.want, got, name)
	}
}

func TestOutcome(t *testing.T) {
	t.Parallel()
	var tally verify.Tally
	require.Equal(t, verify.Unproven, tally.Outcome(), "an empty sample proves nothing")
	require.Contains(t, tally.Summary(), "no file to restore")
	same := &rsync.Difference{}
	for range 3 {
		tally.Add(verify.Observed{Shown: "/a", Snapshot: same})
	}
	require.Equal(t, verify.Unproven, tally.Outcome(), "restored and readable is not compared")
	tally.Add(verify.Observed{Shown: "/b", Snapshot: same, Live: same})
	require.Equal(t, verify.Proven, tally.Outcome())
	require.Equal(t, "1 file was restored and found equal, 3 more could be held against nothing", tally.Summary())
	left := tally
	left.TooLarge = 2
	require.Contains(t, left.Summary(), "2 too large for the sample left out")
	for range 100 {
		tally.Add(verify.Observed{Shown: "/c", Snapshot: same, Sum: verify.SumDiffers})
	}
	require.Equal(t, verify.Mismatch, tally.Outcome())
	require.EqualValues(t, 100, tally.Mismatched)
	require.Len(t, tally.Findings, verify.MaxFindings)
	require.Contains(t, tally.Summary(), "100 files are not as they have to be")
	require.Contains(t, tally.Summary(), "and 97 more")
}
