package catalog_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/catalog/catalogtest"
	"planb/internal/ident"
	"planb/internal/policy"
)

func TestHostAddRefusesBadInputAndChangesNothing(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	addHost(t, s, ident.Host{Group: "acme", Name: "there"})
	add := func(change func(*catalog.NewHost)) error {
		n := catalog.NewHost{Host: web1, Address: "web1.example"}
		change(&n)
		_, err := s.AddHost(t.Context(), n)
		return err
	}
	for name, tc := range map[string]struct {
		change func(*catalog.NewHost)
		is     func(error) bool
		text   string
	}{
		"leading dash":    {func(n *catalog.NewHost) { n.Host.Name = "-web" }, nil, "a dash at its start"},
		"slash":           {func(n *catalog.NewHost) { n.Host.Name = "a/b" }, nil, "'/'"},
		"option address":  {func(n *catalog.NewHost) { n.Address = "-oProxyCommand=x" }, nil, "dash"},
		"bad module":      {func(n *catalog.NewHost) { n.Module = "a b" }, nil, "a space"},
		"missing group":   {func(n *catalog.NewHost) { n.Host.Group = "other" }, catalog.IsNotFound, "planb group add other"},
		"name taken":      {func(n *catalog.NewHost) { n.Host.Name = "there" }, catalog.IsExists, "planb host edit acme/there"},
		"missing storage": {func(n *catalog.NewHost) { n.Storage = "nope" }, catalog.IsNotFound, "planb storage list"},
		"bad settings":    {func(n *catalog.NewHost) { n.Settings.Port = new(0) }, nil, "port"},
	} {
		err := add(tc.change)
		require.Error(t, err, name)
		require.ErrorContains(t, err, tc.text, name)
		if tc.is != nil {
			require.True(t, tc.is(err), "%s: %v", name, err)
		}
	}
	hosts, err := s.Hosts(t.Context(), catalog.HostFilter{})
	require.NoError(t, err)
	require.Len(t, hosts, 1)
	entries, err := s.Audit(t.Context(), web1.String(), 10)
	require.NoError(t, err)
	require.Empty(t, entries)
}

func TestHostEditIsAllOrNothing(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	before := addHost(t, s, web1)
	_, err := s.EditHost(t.Context(), web1, catalog.HostEdit{
		Address:  new("new.example"),
		Settings: func(set *policy.Settings) error { return set.Set("keep", "16x") },
	})
	require.ErrorContains(t, err, "letters are h, d, w, m and y")
	h, err := s.Host(t.Context(), web1)
	require.NoError(t, err)
	require.Equal(t, before, h)

	h, err = s.EditHost(t.Context(), web1, catalog.HostEdit{
		Address: new("2001:db8::7"), Module: new("backup"), Notes: new("rack 4"), Tags: &[]string{"db", "prod"},
		Settings: func(set *policy.Settings) error { return set.Set("keep", "7d") },
	})
	require.NoError(t, err)
	require.Equal(t, catalog.TransportRsyncd, h.Transport)
	require.Equal(t, []string{"db", "prod"}, h.Tags)
	set, err := s.Settings(t.Context(), catalog.OfHost(web1))
	require.NoError(t, err)
	require.Equal(t, policy.Settings{Keep: &policy.Retention{Daily: 7}}, set)

	h, err = s.EditHost(t.Context(), web1, catalog.HostEdit{Module: new("")})
	require.NoError(t, err)
	require.Equal(t, catalog.TransportSSH, h.Transport)
	require.Equal(t, "rack 4", h.Notes)
}

func TestHostFilters(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	addHost(t, s, web1)
	addHost(t, s, ident.Host{Group: "beta", Name: "web1"})
	db := ident.Host{Group: "acme", Name: "db1"}
	addHost(t, s, db)
	_, err := s.EditHost(t.Context(), db, catalog.HostEdit{Tags: &[]string{"db"}})
	require.NoError(t, err)
	_, err = s.SetEnabled(t.Context(), db, false, "moving")
	require.NoError(t, err)
	for want, f := range map[string]catalog.HostFilter{
		"acme/db1 acme/web1 beta/web1 ": {},
		"acme/db1 acme/web1 ":           {Group: "acme"},
		"acme/db1 ":                     {Tag: "db"},
		"acme/web1 beta/web1 ":          {Enabled: new(true)},
		"":                              {Server: "elsewhere"},
	} {
		hosts, err := s.Hosts(t.Context(), f)
		require.NoError(t, err)
		got := ""
		for _, h := range hosts {
			got += h.Ident().String() + " "
		}
		require.Equal(t, want, got)
	}
}

func TestDisabledHostSaysWhy(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	addHost(t, s, web1)
	h, err := s.SetEnabled(t.Context(), web1, false, "under repair")
	require.NoError(t, err)
	require.False(t, h.Enabled)
	require.Equal(t, "under repair", h.DisabledReason)
	h, err = s.SetEnabled(t.Context(), web1, true, "ignored")
	require.NoError(t, err)
	require.True(t, h.Enabled)
	require.Empty(t, h.DisabledReason)
}

func TestRenameKeepsIDDatasetAndPolicy(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	addStorage(t, s, "store1", "tank/BACKUP")
	h := addHost(t, s, web1)
	_, err := s.EnsureGroup(t.Context(), "beta")
	require.NoError(t, err)
	require.NoError(t, s.EditSettings(t.Context(), catalog.OfHost(web1), func(set *policy.Settings) error { return set.Set("port", "2222") }))
	_, err = s.ClaimDataset(t.Context(), h.ID)
	require.NoError(t, err)

	to := ident.Host{Group: "beta", Name: "www"}
	renamed, err := s.RenameHost(t.Context(), h.ID, to, "", "")
	require.NoError(t, err)
	require.Equal(t, h.ID, renamed.ID)
	require.Equal(t, "tank/BACKUP/acme/web1", renamed.Dataset)
	e, err := s.Effective(t.Context(), to)
	require.NoError(t, err)
	require.Equal(t, 2222, e.Port.Value)
	_, err = s.Host(t.Context(), web1)
	require.True(t, catalog.IsNotFound(err))

	addHost(t, s, web1)
	_, err = s.RenameHost(t.Context(), h.ID, web1, "", "")
	require.True(t, catalog.IsExists(err), "%v", err)
	_, err = s.RenameHost(t.Context(), h.ID, ident.Host{Group: "gone", Name: "www"}, "", "")
	require.True(t, catalog.IsNotFound(err), "%v", err)
}

func TestNoRemoveNorRenameDuringRun(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	h := addHost(t, s, web1)
	run := start(h, "11111111-aaaa-4000-8000-000000000001")
	require.NoError(t, s.BeginRun(t.Context(), run))
	_, err := s.RemoveHost(t.Context(), h.ID, "")
	require.True(t, catalog.IsRefused(err))
	require.ErrorContains(t, err, "a backup of acme/web1 is under way: wait for it, or end it with `planb run cancel "+run.ID)
	_, err = s.RenameHost(t.Context(), h.ID, ident.Host{Group: "acme", Name: "web2"}, "", "")
	require.True(t, catalog.IsRefused(err))
	require.True(t, catalog.IsRefused(s.RenameGroup(t.Context(), "acme", "emca")))

	require.NoError(t, s.FinishRun(t.Context(), run, catalog.RunEnd{State: policy.StateFailed, Finished: run.Started}))
	removed, err := s.RemoveHost(t.Context(), h.ID, "")
	require.NoError(t, err)
	require.Equal(t, h.ID, removed.ID)
	kept, err := s.Runs(t.Context(), catalog.RunFilter{Host: web1})
	require.NoError(t, err)
	require.Len(t, kept, 1)
	require.Equal(t, "acme/web1", kept[0].Host)
	require.Empty(t, kept[0].HostID)
}

func TestPinnedHostKeysAreNotReplaced(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	h := addHost(t, s, web1)
	keys := []string{"ssh-rsa CCCC", "ssh-ed25519 AAAA"}
	require.NoError(t, s.PinHostKeys(t.Context(), h.ID, keys))
	require.NoError(t, s.PinHostKeys(t.Context(), h.ID, keys[1:]))
	require.NoError(t, s.PinHostKeys(t.Context(), h.ID, nil))
	err := s.PinHostKeys(t.Context(), h.ID, []string{"ssh-ed25519 BBBB"})
	require.True(t, catalog.IsRefused(err))
	h, err = s.Host(t.Context(), web1)
	require.NoError(t, err)
	require.Equal(t, keys, h.HostKeys)
	_, err = s.EditHost(t.Context(), web1, catalog.HostEdit{HostKeys: &[]string{}})
	require.NoError(t, err)
	require.NoError(t, s.PinHostKeys(t.Context(), h.ID, []string{"ssh-ed25519 BBBB"}))
}

func TestChangesAreAuditedWithTheirActor(t *testing.T) {
	t.Parallel()
	s := catalogtest.Store(t)
	ctx := catalog.WithActor(t.Context(), "alice (cli)")
	addHost(t, s, web1)
	_, err := s.SetEnabled(ctx, web1, false, "gone fishing")
	require.NoError(t, err)
	entries, err := s.Audit(t.Context(), web1.String(), 1)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	require.Equal(t, "host.disable", entries[0].Action)
	require.Equal(t, "alice (cli)", entries[0].Actor)
	require.JSONEq(t, `{"reason":"gone fishing"}`, string(entries[0].Detail))
}
