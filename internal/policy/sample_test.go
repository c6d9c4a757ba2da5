package policy_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
)

func TestParseSample(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]policy.Sample{
		"random=50,largest=5,bytes=2G":  policy.DefaultSample(),
		"largest=5, random=50":          policy.DefaultSample(),
		"random=1,bytes=1048577":        {Random: 1, Bytes: 1<<20 + 1},
		"all":                           {All: true, Bytes: 2 << 30},
		"all,bytes=512M":                {All: true, Bytes: 512 << 20},
		"random=0,largest=1,bytes=1.5G": {},
		"":                              {},
		"bytes=2G":                      {},
		"all,random=3":                  {},
		"random=3,random=4":             {},
		"random=-1":                     {},
		"random=5001":                   {},
		"random":                        {},
		"all=1":                         {},
		"random=1,bytes=1K":             {},
		"random=1,bytes=99999999999T":   {},
		"smallest=3":                    {},
	} {
		got, err := policy.ParseSample(text)
		if want == (policy.Sample{}) {
			require.Error(t, err, text)
			continue
		}
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
		again, err := policy.ParseSample(got.String())
		require.NoError(t, err)
		require.Equal(t, got, again)
	}
	require.Equal(t, "random=50,largest=5,bytes=2G", policy.DefaultSample().String())
}

func FuzzSample(f *testing.F) {
	for _, text := range []string{"random=50,largest=5,bytes=2G", "all", "all,bytes=3M", ",=", "bytes=9223372036854775807"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := policy.ParseSample(text)
		if err != nil {
			return
		}
		again, err := policy.ParseSample(s.String())
		require.NoError(t, err)
		require.Equal(t, s, again)
	})
}

func TestVerifySettings(t *testing.T) {
	t.Parallel()
	e := policy.Resolve(policy.Settings{}, policy.Settings{}, policy.Settings{})
	require.Equal(t, "30d", e.VerifyEvery.Value.String())
	var s policy.Settings
	require.NoError(t, s.Set("verify_every", "0"))
	require.NoError(t, s.Set("canaries", "/etc/hostname", "/srv/canary file"))
	require.Error(t, s.Set("verify_every", "5m"))
	for _, bad := range []string{"etc/hostname", "/etc/", "/", "/etc/../shadow", "", "/a\nb"} {
		require.Error(t, s.Set("canaries", bad), bad)
	}
}
