package catalog_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
	"planb/internal/policy"
)

func TestGroupLinesCountWhatTheReaderSees(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	s := catalogtest.Seed(t, catalogtest.Fleet{Groups: 4, Hosts: 200, Runs: 2000, Snapshots: 2, Now: now})
	_, err := s.AddGroup(t.Context(), "empty", catalog.GroupEdit{})
	require.NoError(t, err)
	all, err := s.GroupLines(t.Context(), catalog.Everything(), now)
	require.NoError(t, err)
	require.Len(t, all, 5)
	require.Equal(t, "empty", all[0].Name)
	require.Empty(t, all[0].Health)
	for _, g := range all {
		page, err := s.HostPage(t.Context(), catalog.HostQuery{Visible: catalog.Everything(), Group: g.Name, Now: now, Limit: 200})
		require.NoError(t, err)
		require.Equal(t, page.Health, g.Health, g.Name)
		used := int64(0)
		for _, h := range page.Hosts {
			if h.UsedBytes != nil {
				used += *h.UsedBytes
			}
		}
		require.Equal(t, used, g.UsedBytes, g.Name)
		require.Equal(t, page.Total, g.Hosts)
	}
	some, err := s.GroupLines(t.Context(), catalog.OnlyGroups("group02", "nobody"), now)
	require.NoError(t, err)
	require.Len(t, some, 1)
	require.Equal(t, "group02", some[0].Name)
	none, err := s.GroupLines(t.Context(), catalog.OnlyGroups(), now)
	require.NoError(t, err)
	require.Empty(t, none)
}

func TestAllOwnSettingsLeavesOutWhoSetsNothing(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	every := func(text string) func(*policy.Settings) error {
		return func(set *policy.Settings) error { return set.Set("every", text) }
	}
	for _, h := range []ident.Host{{Group: "acme", Name: "web1"}, {Group: "acme", Name: "web2"}, {Group: "umbrella", Name: "db1"}} {
		_, err := s.AddHost(t.Context(), catalog.NewHost{Host: h, Address: "a.example", AddGroup: true})
		require.NoError(t, err)
	}
	web1 := ident.Host{Group: "acme", Name: "web1"}
	require.NoError(t, s.EditSettings(t.Context(), catalog.OfSystem(), every("1d")))
	require.NoError(t, s.EditSettings(t.Context(), catalog.OfGroup("acme"), every("12h")))
	require.NoError(t, s.EditSettings(t.Context(), catalog.OfHost(web1), every("6h")))
	require.NoError(t, s.EditSettings(t.Context(), catalog.OfGroup("umbrella"), every("3h")))
	require.NoError(t, s.EditSettings(t.Context(), catalog.OfHost(ident.Host{Group: "acme", Name: "web2"}), every("6h")))
	require.NoError(t, s.EditSettings(t.Context(), catalog.OfHost(ident.Host{Group: "acme", Name: "web2"}), func(set *policy.Settings) error { return set.Unset("every") }))

	seen, err := s.AllOwnSettings(t.Context(), catalog.OnlyGroups("acme"))
	require.NoError(t, err)
	require.Len(t, seen, 2)
	require.True(t, seen[0].Host.IsZero())
	require.Equal(t, "12h", seen[0].Settings.Every.String())
	require.Equal(t, web1, seen[1].Host)
	all, err := s.AllOwnSettings(t.Context(), catalog.Everything())
	require.NoError(t, err)
	require.Len(t, all, 3)
}
