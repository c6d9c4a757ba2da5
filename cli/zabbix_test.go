package cli

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"planb/internal/devstack"
	"planb/internal/policy"
	"planb/internal/zabbix"
)

// A real agent with deploy/zabbix/planb.conf is asked by a real zabbix_get.
func TestZabbixAgentTellsTheLastGoodBackup(t *testing.T) {
	t.Parallel()
	p := newPlanb(t)
	p.ok("host", "add", "acme/web1", "--address", "a.example")
	p.ok("host", "add", "acme/never", "--address", "b.example")
	at := p.backedUp("acme/web1", policy.StateOK)
	p.backedUp("acme/web1", policy.StateFailed)

	dir := t.TempDir()
	file := filepath.Join(dir, "hosts.json")
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- zabbix.Keep(ctx, file, p.store, slog.Default()) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", filepath.Join(dir, "planb"), "planb").CombinedOutput()
	require.NoError(t, err, "%s", out)

	parameters := strings.ReplaceAll(deployed(t, "zabbix/planb.conf"), "/var/lib/planb-zabbix/hosts.json", file)
	parameters = strings.ReplaceAll(parameters, ",planb ", ","+filepath.Join(dir, "planb")+" ")
	// The agent takes no port above 32767.
	free, err := devstack.FreePort(devstack.Loopback)
	require.NoError(t, err)
	port := strconv.Itoa(free)
	agent := filepath.Join(dir, "agent.conf")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "planb.conf"), []byte(parameters), 0o600))
	require.NoError(t, os.WriteFile(agent, []byte("Server=127.0.0.1\nListenIP=127.0.0.1\nListenPort="+port+"\nAllowRoot=1\nStartAgents=2\nTimeout=20\n"+
		"LogType=console\nPidFile="+filepath.Join(dir, "agent.pid")+"\nInclude="+filepath.Join(dir, "planb.conf")+"\n"), 0o600))
	program := "zabbix_agentd"
	if _, err := exec.LookPath(program); err != nil {
		program = "/usr/sbin/zabbix_agentd"
	}
	start(t, program, "--foreground", "--config", agent)
	get := func(c require.TestingT, key string) string {
		out, err := exec.CommandContext(t.Context(), "zabbix_get", "-s", "127.0.0.1", "-p", port, "-t", "20", "-k", key).CombinedOutput()
		assert.NoError(c, err, "%s", out)
		return strings.TrimSpace(string(out))
	}
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		assert.Equal(c, "1", get(c, "agent.ping"))
	}, time.Minute, 100*time.Millisecond)

	began := time.Now()
	found := get(t, "planb.discovery")
	t.Logf("a discovery took %s", time.Since(began))
	var doc struct{ Data []map[string]any }
	require.NoError(t, json.Unmarshal([]byte(found), &doc), found)
	require.Len(t, doc.Data, 2)
	latest := map[string]string{}
	for _, row := range doc.Data {
		latest[row["{#NAME}"].(string)] = get(t, "planb.get_latest["+row["{#ID}"].(string)+"]")
	}
	require.Equal(t, map[string]string{"acme/web1": strconv.FormatInt(at.Unix(), 10), "acme/never": "0"}, latest)
	require.Contains(t, get(t, "planb.get_latest[nobody]"), "there is no host", "what is not there is no number")
}

// What the template reads of the discovery is what that gives.
func TestZabbixTemplateReadsWhatIsThere(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(zabbix.Document{Data: []zabbix.Row{{}}})
	require.NoError(t, err)
	var doc struct{ Data []map[string]any }
	require.NoError(t, json.Unmarshal(text, &doc))
	template := readTemplate(t)
	require.Equal(t, "6.0", template.Export.Version)
	rule := template.Export.Templates[0].Rules[0]
	require.Len(t, rule.Items, 4)
	for _, item := range rule.Items {
		require.Contains(t, item.Key, "[{#ID}]")
		if item.Type == "TRAP" {
			require.Equal(t, "planb.notice[{#ID}]", item.Key, "as a channel of internal/notify sends it")
			continue
		}
		path := item.Preprocessing[0].Parameters[0]
		field, found := strings.CutPrefix(path, `$.data[?(@.id == "{#ID}")].`)
		require.True(t, found, path)
		require.Contains(t, doc.Data[0], strings.TrimSuffix(field, ".first()"))
	}
	for _, macro := range []string{"{#ID}", "{#NAME}", "{#ETA_MAX}", "{#PLANB}"} {
		require.Contains(t, doc.Data[0], macro)
		require.Contains(t, deployed(t, "zabbix/planb-template.yaml"), macro)
	}
}

type zabbixTemplate struct {
	Export struct {
		Version   string `yaml:"version"`
		Templates []struct {
			Rules []struct {
				Items []struct {
					Key           string `yaml:"key"`
					Type          string `yaml:"type"`
					Preprocessing []struct {
						Parameters []string `yaml:"parameters"`
					} `yaml:"preprocessing"`
				} `yaml:"item_prototypes"`
			} `yaml:"discovery_rules"`
		} `yaml:"templates"`
	} `yaml:"zabbix_export"`
}

func readTemplate(t *testing.T) (z zabbixTemplate) {
	t.Helper()
	require.NoError(t, yaml.Unmarshal([]byte(deployed(t, "zabbix/planb-template.yaml")), &z))
	return z
}
