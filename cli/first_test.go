package cli

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/activities"
	"planb/internal/catalog"
	"planb/internal/policy"
	"planb/worker"
	"planb/workflows"
)

// The names that users of the first PlanB know, with everything behind them.
func TestOldNames(t *testing.T) {
	t.Parallel()
	s, g := newServed(t), group(t)
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "file"), []byte("text"), 0o644))
	s.add(g+"/web1", root)
	waits := s.add(g+"/db1", root, "--check-file", "/not-there")
	s.ok("host", "add", g+"/old", "--address", "old.example", "--disabled", "gone")

	out := s.ok("bqueueall")
	require.Regexp(t, `^Enqueued `+g+`/db1 job as \S+\nEnqueued `+g+`/web1 job as \S+\n$`, out, "the disabled one is left out")
	s.ended(g + "/web1")
	s.inState(g+"/db1", policy.StateWaiting)
	require.NotContains(t, s.ok("bqueueall"), g+"/db1", "it is under way")
	require.Eventually(t, func() bool {
		runs, err := s.store.Runs(t.Context(), catalog.RunFilter{Host: mustHost(t, g+"/web1"), State: policy.StateOK})
		return err == nil && len(runs) == 2
	}, time.Minute, 100*time.Millisecond, "it is not backed up again")

	// What waits is ended, and nothing else.
	require.Contains(t, s.fails(exitRefused, "bqueueflush"), "End 1 backup that waits? Say --yes")
	require.Equal(t, "Dropped 1 jobs from Task queue\n", s.ok("bqueueflush", "--yes"))
	s.inState(g+"/db1", policy.StateCancelled)
	require.Empty(t, s.ok("bqueueflush"), "nothing waits")

	// A clone is backed up at once.
	web1, err := s.store.Host(t.Context(), mustHost(t, g+"/web1"))
	require.NoError(t, err)
	out = s.ok("bclone", web1.ID, "web2", waits.Target.Address)
	require.Regexp(t, `^Cloned `+g+`/web1 to `+g+`/web2\nEnqueued `+g+`/web2 job as \S+\n$`, out)
	s.ended(g + "/web2")
	settings, err := s.store.Settings(t.Context(), catalog.OfHost(mustHost(t, g+"/web2")))
	require.NoError(t, err)
	require.Equal(t, []string{"/"}, *settings.Include)
	require.Contains(t, s.fails(exitNotFound, "bclone", "nobody", "web3", "c.example"), "planb slist")
	require.Contains(t, s.fails(exitRefused, "bclone", "web1", "web2", "c.example"), "already")
	require.Contains(t, s.fails(exitUsage, "bclone", "web1", "web2"), "name the host, the new name and its address")

	// All datasets, and those that no host has.
	web2, err := s.store.Host(t.Context(), mustHost(t, g+"/web2"))
	require.NoError(t, err)
	out = s.ok("slist")
	require.Regexp(t, `(?m)^; `+g+`\n`, out)
	require.Regexp(t, `(?m)^`+regexp.QuoteMeta(s.parent+"/"+g+"/web1")+` +\S+ .iB  id=`+web1.ID+`$`, out)
	require.Contains(t, out, "id="+web2.ID)
	require.Empty(t, s.ok("slist", "--stale"))
	s.waits("host", "rm", g+"/web2", "--yes")
	require.Regexp(t, `^; \(nogroup\)\n`+regexp.QuoteMeta(s.parent+"/"+g+"/web2")+` +\S+ .iB  id=NONE\n\n\n$`, s.ok("slist", "--stale"))
	require.NotContains(t, s.ok("slist", "-x", "*/web2"), "web2")
}

// ended waits until the last backup of a host is good.
func (s *served) ended(host string) { s.inState(host, policy.StateOK) }

// inState waits until the last run of a host is in a state.
func (s *served) inState(host, state string) {
	s.t.Helper()
	var last catalog.Run
	require.Eventually(s.t, func() bool {
		runs, err := s.store.Runs(s.t.Context(), catalog.RunFilter{Host: mustHost(s.t, host), Limit: 1})
		if err == nil && len(runs) == 1 {
			last = runs[0]
		}
		return last.State == state
	}, time.Minute, 100*time.Millisecond, "the last run of %s is not %s", host, state)
}

func TestStatsOfTheFirstPlanB(t *testing.T) {
	t.Parallel()
	p := newPlanb(t)
	for _, host := range []string{"acme/web1", "acme/web2", "umbrella/db1"} {
		p.ok("host", "add", host, "--address", "a.example")
	}
	p.ok("host", "disable", "acme/web1", "--reason", "gone")
	require.Empty(t, p.ok("bstats"))
	now := time.Now()
	ends := func(host, state string, ago time.Duration) time.Time {
		t.Helper()
		started := now.Add(-ago)
		h, err := p.store.Host(t.Context(), mustHost(t, host))
		require.NoError(t, err)
		require.NoError(t, p.store.FinishRun(t.Context(), catalog.RunStart{
			ID: "r" + strconv.FormatInt(started.UnixNano(), 36), WorkflowID: "backup/" + host, HostID: h.ID, Host: h.Ident(),
			Kind: catalog.KindBackup, Trigger: "schedule", Started: started,
		}, catalog.RunEnd{State: state, Finished: started.Add(time.Minute)}))
		return started
	}
	const day = 24 * time.Hour
	// A long one, a short one, and one that lasts.
	ends("acme/web1", policy.StateOK, 21*day)
	long := ends("acme/web1", policy.StateFailed, 20*day)
	ends("acme/web1", policy.StatePartial, 19*day)
	ends("acme/web1", policy.StateCancelled, 18*day)
	ends("acme/web1", policy.StateWarning, 17*day)
	ends("acme/web1", policy.StateFailed, 16*day)
	ends("acme/web1", policy.StateOK, 15*day)
	lasting := ends("acme/web2", policy.StateFailed, 3*day)
	ends("umbrella/db1", policy.StateFailed, 400*day)
	ends("umbrella/db1", policy.StateOK, 390*day)
	const stamp = "2006-01-02 15:04"
	require.Equal(t, "acme :: Backups failed longer than 48h in the past year:\n"+
		"  web2\n  - "+lasting.Local().Format(stamp)+" - failed for 72.0 hours (1 failed attempts), still failing\n"+
		"  web1\n  - "+long.Local().Format(stamp)+" - failed for 72.0 hours (2 failed attempts)\n\n", p.ok("bstats"))
	require.NotContains(t, p.ok("bstats", "ac*", "*2"), "web1")
	require.Empty(t, p.ok("bstats", "umbrella"))
	require.Contains(t, p.fails(exitUsage, "bstats", "a", "b", "c"), "at most two patterns")
}

func TestReportOfTheFirstPlanB(t *testing.T) {
	t.Parallel()
	p := newPlanb(t)
	for _, host := range []string{"acme/web1", "acme/db1", "umbrella/db1"} {
		p.ok("host", "add", host, "--address", "a.example")
	}
	p.backedUp("acme/web1", policy.StateOK)
	month := time.Now().UTC().Format("2006-01")
	all := p.ok("breport", "--month", month)
	require.Contains(t, all, "acme/web1")
	require.Contains(t, all, "umbrella/db1")
	one := p.ok("breport", "--with-disabled", "--month", month, "a*", "web?")
	require.Contains(t, one, "acme/web1")
	require.NotContains(t, one, "db1")
	require.Contains(t, p.ok("breport", "--output", "html", "--month", month, "umbrella"), "<html")
	require.Contains(t, p.fails(exitUsage, "breport", "--output", "email", "acme", "web1"), "leave the pattern of hosts out")
	require.Contains(t, p.fails(exitUsage, "breport", "--output", "pdf"), "text, html or email")
	require.Contains(t, p.fails(exitUsage, "breport", "--force"), "--force is for --output email")
}

func TestConfexport(t *testing.T) {
	t.Parallel()
	p := newPlanb(t)
	p.ok("host", "add", "acme/web1", "--address", "a.example", "--include", "etc", "--exclude", "*.tmp", "--notes", "rack 4")
	p.ok("host", "add", "acme/old", "--address", "b.example", "--disabled", "gone", "--keep", "7d", "--every", "12h")
	require.Equal(t, `/* acme-web1 */

{
  "retention": {
    "daily": 16,
    "weekly": 4,
    "monthly": 12,
    "yearly": 2
  },
  "schedule": "nightly",
  "paths": {
    "root": "/",
    "include": [
      "etc"
    ],
    "exclude": [
      "*.tmp"
    ]
  },
  "notes": "rack 4"
}

`, p.ok("confexport"))
	text := p.ok("confexport", "--yaml", "--with-disabled", "acme", "o*")
	require.True(t, strings.HasPrefix(text, "---\n# acme-old\n\nretention:\n  daily: 7\n  weekly: 0\n"), text)
	require.Contains(t, text, "schedule: every 12h\n")
	minimal := p.ok("confexport", "--minimal", "--yaml")
	require.NotContains(t, minimal, "retention")
	require.Contains(t, minimal, "paths:\n  root: /\n  include:\n    - etc\n")
}

// What waits for its turn on a storage server is ended; what is transferred is not.
func TestFlushLeavesTransfersAlone(t *testing.T) {
	t.Parallel()
	s, g := newServed(t, "PLANB_LIMITS_PULLS=1"), group(t)
	first, _ := s.pulling(g + "/web1")
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "file"), []byte("text"), 0o644))
	s.add(g+"/web2", root)
	s.ok("backup", g+"/web2")
	require.Eventually(t, func() bool {
		st, err := worker.Look(t.Context(), s.tc, workflows.BackupID(mustHost(t, g+"/web2")), "")
		return err == nil && st.Activity == activities.PullName && st.Waiting
	}, time.Minute, 100*time.Millisecond, "it does not wait for its turn")
	require.Equal(t, "Dropped 1 jobs from Task queue\n", s.ok("bqueueflush", "--yes"))
	s.inState(g+"/web2", policy.StateCancelled)
	again := must(s.store.Run(t.Context(), first.ID))
	require.Equal(t, policy.StateRunning, again.State)
	s.waits("run", "cancel", first.ID)
}
