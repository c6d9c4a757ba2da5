package catalog_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
	"planb/internal/policy"
)

func TestPolicyInheritsFromSystemAndGroup(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	addHost(t, s, web1)
	addHost(t, s, ident.Host{Group: "beta", Name: "db"})
	for sc, setting := range map[catalog.Scope][2]string{
		catalog.OfSystem():      {"port", "2200"},
		catalog.OfGroup("acme"): {"timezone", "Europe/Amsterdam"},
		catalog.OfHost(web1):    {"user", "backup"},
	} {
		require.NoError(t, s.EditSettings(t.Context(), sc, func(set *policy.Settings) error { return set.Set(setting[0], setting[1]) }))
	}
	e, err := s.Effective(t.Context(), web1)
	require.NoError(t, err)
	require.Equal(t, policy.Value[int]{Value: 2200, From: policy.LevelSystem}, e.Port)
	require.Equal(t, policy.Value[string]{Value: "Europe/Amsterdam", From: policy.LevelGroup}, e.Timezone)
	require.Equal(t, policy.Value[string]{Value: "backup", From: policy.LevelHost}, e.User)
	require.Equal(t, policy.LevelDefault, e.Every.From)

	all, err := s.HostPolicies(t.Context(), catalog.HostFilter{})
	require.NoError(t, err)
	require.Len(t, all, 2)
	require.Equal(t, e, all[0].Policy)
	require.Equal(t, policy.LevelDefault, all[1].Policy.Timezone.From)
	require.Equal(t, policy.LevelSystem, all[1].Policy.Port.From)

	require.NoError(t, s.EditSettings(t.Context(), catalog.OfHost(web1), func(set *policy.Settings) error { return set.Unset("user") }))
	e, err = s.Effective(t.Context(), web1)
	require.NoError(t, err)
	require.Equal(t, policy.LevelDefault, e.User.From)
}

func TestBadSettingsAreNotStored(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	err := s.EditSettings(t.Context(), catalog.OfSystem(), func(set *policy.Settings) error {
		set.Timezone = new("Mars/Olympus")
		return nil
	})
	require.Error(t, err)
	set, err := s.Settings(t.Context(), catalog.OfSystem())
	require.NoError(t, err)
	require.True(t, set.IsZero())
	err = s.EditSettings(t.Context(), catalog.OfGroup("acme"), func(*policy.Settings) error { return nil })
	require.True(t, catalog.IsNotFound(err))
	_, err = s.Effective(t.Context(), web1)
	require.True(t, catalog.IsNotFound(err))
}

func TestOverviewTellsHowAHostIsDoing(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	h := addHost(t, s, web1)
	at := func(now time.Time) catalog.HostOverview {
		list, err := s.Overview(t.Context(), catalog.HostFilter{Group: "acme"}, now)
		require.NoError(t, err)
		require.Len(t, list, 1)
		return list[0]
	}
	o := at(base)
	require.Equal(t, policy.HealthNever, o.Health)
	require.True(t, o.NextRun.After(base) && !o.NextRun.After(base.Add(24*time.Hour)), "%v", o.NextRun)
	text, err := json.Marshal(o)
	require.NoError(t, err)
	fields := map[string]any{}
	require.NoError(t, json.Unmarshal(text, &fields))
	for _, name := range []string{"host", "group", "name", "address", "enabled", "health", "state", "last_good", "last_run", "next_run", "used_bytes", "referenced_bytes", "snapshots"} {
		require.Contains(t, fields, name)
	}
	require.Nil(t, fields["state"])
	require.Nil(t, fields["last_run"])

	require.NoError(t, s.FinishRun(t.Context(), start(h, "a1"), catalog.RunEnd{State: "ok", Finished: base, Snapshot: "daily-202611230130"}))
	require.Equal(t, policy.HealthOK, at(base.Add(time.Hour)).Health)
	require.Equal(t, policy.HealthLate, at(base.Add(36*time.Hour)).Health)

	failed := start(h, "a2")
	failed.Started = base.Add(24 * time.Hour)
	require.NoError(t, s.FinishRun(t.Context(), failed, catalog.RunEnd{State: "failed", Finished: failed.Started, Message: "connection refused"}))
	running := start(h, "a3")
	running.Started = base.Add(25 * time.Hour)
	require.NoError(t, s.BeginRun(t.Context(), running))
	skipped := start(h, "a4")
	skipped.Started = base.Add(26 * time.Hour)
	require.NoError(t, s.FinishRun(t.Context(), skipped, catalog.RunEnd{State: "skipped", Finished: skipped.Started}))
	o = at(base.Add(36 * time.Hour))
	require.Equal(t, policy.HealthFailing, o.Health)
	require.Equal(t, catalog.Text("running"), o.State)
	require.True(t, running.Started.Equal(*o.LastRun))

	_, err = s.SetEnabled(t.Context(), web1, false, "moving")
	require.NoError(t, err)
	o = at(base.Add(36 * time.Hour))
	require.Equal(t, policy.HealthPaused, o.Health)
	require.Nil(t, o.NextRun)
}
