package settings_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
	"planb/internal/settings"
)

func TestEverySettingOfAPolicyCanBeGiven(t *testing.T) {
	t.Parallel()
	var names []string
	for _, s := range settings.All() {
		names = append(names, s.Name)
	}
	want := policy.Names()
	slices.Sort(names)
	slices.Sort(want)
	require.Equal(t, want, names)
}

func TestFindTakesNameAndFlag(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"timezone", "tz"} {
		s, known := settings.Find(name)
		require.True(t, known)
		require.Equal(t, "timezone", s.Name)
	}
	_, known := settings.Find("rsh")
	require.False(t, known)
}

func TestPutRefusesWhatReachesNoHost(t *testing.T) {
	t.Parallel()
	for name, values := range map[string][]string{
		"flags": {"--rsh=sh"}, "user": {"-oProxyCommand=x"}, "jump_host": {"a b"}, "every": {"3 parsecs"}, "exclude": {"a\nb"},
	} {
		s, _ := settings.Find(name)
		var set policy.Settings
		err := s.Put(&set, values...)
		var refused *policy.Error
		require.True(t, errors.As(err, &refused), "%s: %v", name, err)
		require.Equal(t, name, refused.Setting)
		require.NotContains(t, refused.Reason, name+": ")
		require.True(t, set.IsZero(), name)
	}
	var set policy.Settings
	s, _ := settings.Find("flags")
	require.NoError(t, s.Put(&set, "--one-file-system"))
	require.Equal(t, []string{"--one-file-system"}, *set.Flags)
}
