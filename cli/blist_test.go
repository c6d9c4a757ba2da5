package cli

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
	"planb/internal/policy"
	"planb/internal/zabbix"
)

// backedUp records a backup of a host that ended just now.
func (p *planb) backedUp(host, state string) time.Time {
	p.t.Helper()
	h, err := p.store.Host(p.t.Context(), mustHost(p.t, host))
	require.NoError(p.t, err)
	end := time.Now().Truncate(time.Second)
	e := catalog.RunEnd{State: state, Finished: end}
	if policy.IsGood(state) {
		e.Snapshot, e.SnapshotCreated = "daily-"+end.UTC().Format("200601021504"), &end
	}
	require.NoError(p.t, p.store.FinishRun(p.t.Context(), catalog.RunStart{
		ID: "r" + strconv.FormatInt(time.Now().UnixNano(), 36), WorkflowID: "backup/" + host, HostID: h.ID, Host: h.Ident(), Kind: catalog.KindBackup,
		Trigger: "schedule", Started: end.Add(-time.Minute),
	}, e))
	return end
}

func TestBlistAsTheFirstPlanB(t *testing.T) {
	t.Parallel()
	p := newPlanb(t)
	require.Equal(t, "\n", p.ok("blist"))
	for _, host := range []string{"umbrella/db1", "acme/web2", "acme/web1", "acme/old"} {
		p.ok("host", "add", host, "--address", strings.ReplaceAll(host, "/", ".")+".example")
	}
	p.ok("host", "disable", "acme/old", "--reason", "gone")
	require.Equal(t, "[acme]\n"+
		"web1                            acme.web1.example\n"+
		"web2                            acme.web2.example\n"+
		"\n[umbrella]\n"+
		"db1                             umbrella.db1.example\n\n", p.ok("blist"))

	p.backedUp("acme/web1", policy.StateOK)
	require.Equal(t, "4 hosts: 1 ok, 0 late, 0 failing, 2 never, 1 paused\n", p.ok("blist", "--summary"))
	require.JSONEq(t, `{"hosts":4,"ok":1,"late":0,"failing":0,"never":2,"paused":1}`, p.ok("blist", "--summary", "--json"))
	require.Contains(t, p.fails(exitUsage, "blist", "--summary", "--zabbix"), "choose one of")
	require.Contains(t, p.fails(exitUsage, "blist", "acme"), "takes no argument")
}

func TestBlistForZabbix(t *testing.T) {
	t.Parallel()
	p := newPlanb(t)
	p.ok("host", "add", "acme/web1", "--address", "a.example")
	discover := func(args ...string) map[string]any {
		t.Helper()
		var doc struct{ Data []map[string]any }
		require.NoError(t, json.Unmarshal([]byte(p.ok(append([]string{"blist", "--zabbix"}, args...)...)), &doc))
		require.Len(t, doc.Data, 1)
		return doc.Data[0]
	}
	row := discover()
	id := row["{#ID}"].(string)
	require.Equal(t, "acme/web1", row["{#NAME}"])
	require.Equal(t, "108000", row["{#ETA_MAX}"], "a day and its grace")
	require.Contains(t, row, "{#PLANB}")
	require.Equal(t, "0\n", p.ok("blist", "--latest", id))

	at := p.backedUp("acme/web1", policy.StateOK)
	want := strconv.FormatInt(at.Unix(), 10) + "\n"
	require.Equal(t, want, p.ok("blist", "--latest", id))
	p.backedUp("acme/web1", policy.StateFailed)
	require.Equal(t, want, p.ok("blist", "--latest", id), "a failed backup makes nothing fresh")

	_, err := p.store.RenameHost(t.Context(), id, mustHost(t, "acme/web9"), "", "")
	require.NoError(t, err)
	row = discover()
	require.Equal(t, "acme/web9", row["{#NAME}"])
	require.Equal(t, id, row["{#ID}"], "the id stays")

	file := filepath.Join(t.TempDir(), "hosts.json")
	require.Contains(t, p.fails(exitFailed, "blist", "--zabbix", "--from", file), "is not there: set metrics.zabbix_file")
	hosts, _, err := p.store.Measures(t.Context(), catalog.Everything(), time.Now())
	require.NoError(t, err)
	write := func(at time.Time) {
		t.Helper()
		text, err := json.Marshal(zabbix.Of(hosts, at))
		require.NoError(t, err)
		require.NoError(t, os.WriteFile(file, text, 0o644))
	}
	write(time.Now())
	require.Equal(t, "acme/web9", discover("--from", file)["{#NAME}"])
	require.Equal(t, want, p.ok("blist", "--latest", id, "--from", file))
	require.Contains(t, p.fails(exitNotFound, "blist", "--latest", "nobody", "--from", file), "disabled or was removed")
	write(time.Now().Add(-time.Hour))
	require.Contains(t, p.fails(exitFailed, "blist", "--latest", id, "--from", file), "see whether planb control runs")
}
