package activities

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPathsKeepTheirBytes(t *testing.T) {
	t.Parallel()
	in := Paths{"/etc", "/gr\xfc\xdfe", "/new\nline", `/quo"te`, "/日本"}
	text, err := json.Marshal(struct{ P Paths }{in})
	require.NoError(t, err)
	require.Contains(t, string(text), `"/etc"`)
	var out struct{ P Paths }
	require.NoError(t, json.Unmarshal(text, &out))
	require.Equal(t, in, out.P)
	require.Equal(t, `/etc /gr\xfc\xdfe /new\nline /quo"te /日本`, in.String())
	for _, bad := range []string{`[1]`, `{}`, `[[]]`} {
		require.Error(t, json.Unmarshal([]byte(bad), &out.P), bad)
	}
}

func FuzzPaths(f *testing.F) {
	f.Add("/etc", "\xff")
	f.Fuzz(func(t *testing.T, a, b string) {
		in := Paths{a, b}
		text, err := json.Marshal(in)
		require.NoError(t, err)
		var out Paths
		require.NoError(t, json.Unmarshal(text, &out))
		require.Equal(t, in, out)
	})
}
