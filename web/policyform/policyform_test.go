package policyform

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
)

func TestSectionsHoldEverySettingOnce(t *testing.T) {
	t.Parallel()
	var names []string
	for _, s := range sections {
		names = append(names, s.names...)
	}
	want := policy.Names()
	slices.Sort(names)
	slices.Sort(want)
	require.Equal(t, want, names)
	for _, n := range names {
		require.Contains(t, labels, n)
	}
}

// sentBy gives what a browser sends of a form that nobody touched.
func sentBy(f Form) url.Values {
	v := url.Values{}
	for _, s := range f.Sections {
		for _, x := range s.Fields {
			v.Set(x.Input(), strings.ReplaceAll(x.Value, "\n", "\r\n"))
			v.Set(x.Input()+"-was", strings.ReplaceAll(x.Was, "\n", "\r\n"))
			if x.None {
				v.Set(x.Input()+"-none", "1")
			}
		}
	}
	return v
}

func put(t *testing.T, set *policy.Settings, name string, values ...string) {
	t.Helper()
	require.NoError(t, set.Set(name, values...))
}

func TestOnlyWhatTheReaderChangedIsChanged(t *testing.T) {
	t.Parallel()
	var own policy.Settings
	put(t, &own, "every", "12h")
	put(t, &own, "exclude", "*.tmp", "/var/cache/*")
	put(t, &own, "tolerate") // nothing at all, which is not to inherit
	put(t, &own, "window", "")
	above := policy.Resolve(policy.Settings{}, policy.Settings{}, policy.Settings{})
	sent := sentBy(New(own, above))

	same := own
	_, change, ok := Read(sent, above)
	require.True(t, ok)
	require.NoError(t, change(&same))
	require.Equal(t, own, same, "a form that nobody touched changes nothing")

	sent.Set("p-keep", "7d")
	sent.Set("p-every", "")
	sent.Del("p-tolerate-none")
	sent.Set("p-include-none", "1")
	sent.Set("p-sudo", "true")
	_, change, ok = Read(sent, above)
	require.True(t, ok)
	meanwhile := own
	put(t, &meanwhile, "bandwidth", "5M")
	require.NoError(t, change(&meanwhile))
	require.Nil(t, meanwhile.Every, "emptied: inherited again")
	require.Nil(t, meanwhile.Tolerate)
	require.Equal(t, "7d", meanwhile.Keep.String())
	require.Empty(t, *meanwhile.Include)
	require.NotNil(t, meanwhile.Include)
	require.True(t, *meanwhile.Sudo)
	require.Equal(t, "5M", meanwhile.Bandwidth.String(), "what somebody else set meanwhile stays")
	require.Equal(t, []string{"*.tmp", "/var/cache/*"}, *meanwhile.Exclude)
}

func TestWrongValuesStandBesideTheirFields(t *testing.T) {
	t.Parallel()
	above := policy.Resolve(policy.Settings{}, policy.Settings{}, policy.Settings{})
	sent := sentBy(New(policy.Settings{}, above))
	sent.Set("p-every", "3 parsecs")
	sent.Set("p-flags", "--rsh=sh")
	form, _, ok := Read(sent, above)
	require.False(t, ok)
	var b strings.Builder
	require.NoError(t, Inputs(form).Render(t.Context(), &b))
	require.Contains(t, b.String(), `value="3 parsecs"`, "what was typed stays")
	require.Contains(t, b.String(), `id="p-every-error"`)
	require.Contains(t, b.String(), `id="p-flags-error"`)
	require.NotContains(t, b.String(), `id="p-keep-error"`)
}
