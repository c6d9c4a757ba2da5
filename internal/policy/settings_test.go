package policy_test

import (
	"encoding/json"
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
)

func TestResolve(t *testing.T) {
	t.Parallel()
	system := policy.Settings{User: new("backup"), Exclude: new([]string{"*.tmp"})}
	group := policy.Settings{Every: new(12 * policy.Hour), User: new("acme")}
	host := policy.Settings{Exclude: new([]string{}), GuardShrink: new(0)}
	e := policy.Resolve(system, group, host)
	require.Equal(t, policy.Value[string]{Value: "acme", From: policy.LevelGroup}, e.User)
	require.Equal(t, policy.Value[[]string]{Value: []string{}, From: policy.LevelHost}, e.Exclude, "an empty list is set")
	require.Equal(t, policy.Value[int]{Value: 0, From: policy.LevelHost}, e.GuardShrink, "zero is set")
	require.Equal(t, policy.Value[int]{Value: 22, From: policy.LevelDefault}, e.Port)
	require.Equal(t, policy.Value[policy.Interval]{Value: 10 * policy.Hour, From: policy.LevelDefault}, e.CatchUp)
	require.Equal(t, policy.Value[policy.Interval]{Value: policy.Day, From: policy.LevelDefault}, e.MaxWait)
	loc, err := e.Location()
	require.NoError(t, err)
	require.Equal(t, "UTC", loc.String())
	for _, f := range e.Fields() {
		require.NotEmpty(t, f.From, f.Name)
		require.NotEmpty(t, f.Help, f.Name)
	}
}

func TestDefaultCatchUp(t *testing.T) {
	t.Parallel()
	for every, want := range map[policy.Interval]string{
		policy.Day: "20h", policy.Hour: "45m", 15 * policy.Minute: "450s", policy.Week: "140h", 12 * policy.Hour: "10h",
	} {
		require.Equal(t, want, policy.DefaultCatchUp(every).String(), every)
	}
}

// TestTableIsComplete holds Settings, Effective and the table to the same
// settings in the same order.
func TestTableIsComplete(t *testing.T) {
	t.Parallel()
	tags := func(v any) []string {
		var list []string
		for f := range reflect.TypeOf(v).Fields() {
			name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
			list = append(list, name)
		}
		return list
	}
	require.Equal(t, tags(policy.Settings{}), policy.Names())
	require.Equal(t, tags(policy.Effective{}), policy.Names())
	require.NoError(t, policy.Defaults().Validate())
}

// TestEffectivePayload reads a payload of the first release: workflow histories
// that hold one are replayed by every later version, so the file never changes.
func TestEffectivePayload(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/effective.json")
	require.NoError(t, err)
	var e policy.Effective
	require.NoError(t, json.Unmarshal(text, &e))
	require.Equal(t, "mon-fri 22:00-06:00", e.Window.Value.String())
	require.Equal(t, policy.LevelGroup, e.Window.From)
	again, err := json.Marshal(e)
	require.NoError(t, err)
	var before, after map[string]any
	require.NoError(t, json.Unmarshal(text, &before))
	require.NoError(t, json.Unmarshal(again, &after))
	for name := range before {
		require.Equal(t, before[name], after[name], "add fields, never change or drop them")
	}
}

func TestEdit(t *testing.T) {
	t.Parallel()
	var s policy.Settings
	require.True(t, s.IsZero())
	require.NoError(t, s.Set("every", "12h"))
	require.NoError(t, s.Set("include", "etc", "srv/my files"))
	require.NoError(t, s.Set("exclude"))
	require.NoError(t, s.Set("guard_shrink", "30%"))
	require.NoError(t, s.Set("sudo", "yes"))
	text, err := json.Marshal(s)
	require.NoError(t, err)
	require.JSONEq(t, `{"every":"12h","include":["etc","srv/my files"],"exclude":[],"guard_shrink":30,"sudo":true}`, string(text))
	var stored policy.Settings
	require.NoError(t, json.Unmarshal(text, &stored))
	require.Equal(t, s, stored)

	merged := s.Merge(policy.Settings{Every: new(policy.Day), Port: new(2222)})
	require.Equal(t, policy.Day, *merged.Every)
	require.Equal(t, 2222, *merged.Port)
	require.Equal(t, []string{"etc", "srv/my files"}, *merged.Include)
	require.Equal(t, 12*policy.Hour, *s.Every, "the original stays")

	require.NoError(t, merged.Unset("every", "include", "exclude", "guard_shrink", "sudo", "port"))
	require.True(t, merged.IsZero())
	require.ErrorContains(t, merged.Unset("evry"), `"evry" is not a setting: the settings are every, window`)
	require.ErrorContains(t, merged.Set("evry", "1d"), "is not a setting")
}

func TestRefusedSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, value, want string }{
		{"every", "5m", "every: 5m is out of bounds: give from 15m to 4w"},
		{"every", "5w", "every: 5w is out of bounds: give from 15m to 4w"},
		{"every", "901s", "every: 901s has seconds: give whole minutes"},
		{"timezone", "Mars/Olympus", `timezone: "Mars/Olympus" is not a time zone known here: give a name such as Europe/Amsterdam, or UTC`},
		{"timezone", "Local", `timezone: "Local" is not a time zone: give a name such as Europe/Amsterdam, or UTC`},
		{"timezone", "../../etc/passwd", `timezone: "../../etc/passwd" is not a time zone known here: give a name such as Europe/Amsterdam, or UTC`},
		{"keep", "3q", `keep: "3q" has an unknown retention letter: the letters are h, d, w, m and y (hours, days, weeks, months, years), for example 16d,4w,12m,2y`},
		{"floor_count", "0", "floor_count: 0 is out of bounds: give a number from 1 to 9999"},
		{"port", "70000", "port: 70000 is out of bounds: give a number from 1 to 65535"},
		{"port", "ssh", `port: "ssh" is not a whole number`},
		{"sudo", "perhaps", `sudo: "perhaps" is neither yes nor no`},
		{"ssh_key", "keys/web1", `ssh_key: "keys/web1" is not an absolute path: begin it with a slash`},
		{"check_file", "-x", `check_file: "-x" is not an absolute path: begin it with a slash`},
		{"user", "-oProxyCommand=x", ""},
		{"user", "", ""},
		{"user", "a b", ""},
		{"jump_host", "-x", ""},
		{"jump_host", "a;b", ""},
		{"include", "", ""},
		{"include", "../etc", ""},
		{"include", "a\nb", ""},
		{"exclude", "a\x00b", ""},
		{"guard_shrink", "101", ""},
		{"catch_up", "5s", ""},
		{"window", "22-6", ""},
		{"bandwidth", "fast", ""},
		{"stall_after", "1y", ""},
	} {
		var s policy.Settings
		err := s.Set(c.name, c.value)
		require.Error(t, err, "%s %q", c.name, c.value)
		if c.want != "" {
			require.EqualError(t, err, c.want)
		}
		require.True(t, strings.HasPrefix(err.Error(), c.name+": "), err)
		require.NotContains(t, err.Error(), "\n")
		require.True(t, s.IsZero(), "nothing is set")
	}
	var s policy.Settings
	require.Error(t, s.Set("every"))
	require.Error(t, s.Set("every", "1d", "2d"))

	require.EqualError(t, policy.Settings{Every: new(policy.Minute)}.Validate(), "every: 1m is out of bounds: give from 15m to 4w")
	require.Error(t, policy.Settings{Keep: new(policy.Retention{})}.Validate())
	require.Error(t, policy.Settings{Keep: new(policy.Retention{Daily: -1, Weekly: 2})}.Validate())
	require.Error(t, policy.Settings{Flags: new([]string{"a\nb"})}.Validate())
	require.Error(t, policy.Settings{FloorAge: new(-policy.Hour)}.Validate())
}
