package fleet_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/web/webtest"
)

// What hosts stand on comes before the hosts, for those who see everything.
func TestWhatHostsStandOnNeedsAPerson(t *testing.T) {
	t.Parallel()
	s, _ := open(t)
	run(t, s, add(t, s, "acme/web1"), "r1", "failed", 0)
	_, err := s.Store.SettleFleet(t.Context(), []catalog.FleetFinding{{
		About: catalog.AboutWorker, Subject: "backup1", Finding: catalog.Finding{
			Kind: catalog.NoticeSilent, Severity: catalog.SeverityCritical, Title: "the worker of backup1 does not answer", Remedy: "start `planb worker`",
		},
	}}, func(string, string) bool { return true }, 0, webtest.Start)
	require.NoError(t, err)

	page := s.As("alice", "viewer").Get("/").Body
	_, needs, found := strings.Cut(page, "Needs a person")
	require.True(t, found)
	before, _, found := strings.Cut(needs, `id="host-acme/web1"`)
	require.True(t, found)
	require.Contains(t, before, "the worker of backup1 does not answer.")
	require.Contains(t, before, "<code>planb worker</code>")
	require.NotContains(t, s.As("vera", "viewer:acme").Get("/").Body, "backup1")
}
