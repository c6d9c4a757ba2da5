package cli

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"planb/internal/config"
	"planb/internal/sshx/sshtest"
)

// A real Prometheus scrapes control, worker and web as deploy/ has it.
func TestPrometheusScrapesAllParts(t *testing.T) {
	t.Parallel()
	address := func() string { return "127.0.0.1:" + strconv.Itoa(sshtest.FreePort(t)) }
	web, control, worker, own := address(), address(), address(), address()
	s := newServed(t, "PLANB_METRICS_CONTROL="+control, "PLANB_METRICS_WORKER="+worker, "PLANB_WEB_LISTEN="+web)
	s.serve(runWeb)
	root := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(root, "file"), []byte("content"), 0o600))
	s.add("acme/web1", root)
	s.waits("backup", "acme/web1", "--wait")
	s.ok("host", "add", "acme/never", "--address", "b.example")
	token := strings.Fields(s.waits("token", "add", "prometheus", "--role", "viewer"))
	// What takes weeks to come about is in dashboards, too.
	s.sql(`update hosts set last_proven = now(), last_verify = now(), last_verify_state = 'proven' where name = 'web1'`)
	s.sql(`update storages set scrub_at = now() - interval '1 day', scrub_errors = 0, data_errors = 0`)

	dir := t.TempDir()
	settings := strings.NewReplacer("127.0.0.1:7400", web, "127.0.0.1:7490", control, "127.0.0.1:7491", worker, "scrape_interval: 1m", "scrape_interval: 1s").
		Replace(deployed(t, "prometheus/prometheus.yaml"))
	for name, text := range map[string]string{
		"prometheus.yaml": settings, "planb.token": token[len(token)-1], "planb-rules.yaml": deployed(t, "prometheus/planb-rules.yaml"),
	} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	start(t, "prometheus", "--config.file="+filepath.Join(dir, "prometheus.yaml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+own, "--log.level=warn")
	prometheus := prometheusAt("http://" + own)
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		up := prometheus.query(c, `up == 1`, "job")
		assert.Len(c, up, 3, "%v", up)
	}, time.Minute, 200*time.Millisecond)

	require.Equal(t, map[string]string{"never": "3", "web1": "0"}, prometheus.query(t, `planb_host_health{group="acme"}`, "host"))
	require.Equal(t, map[string]string{"web1": "1"}, prometheus.query(t, `planb_host_last_run_state == 1`, "host"))
	require.Len(t, prometheus.query(t, `planb_host_seconds_since_last_good < 600`, "host"), 1)
	require.Len(t, prometheus.query(t, `planb_host_used_bytes > 0`, "host"), 1)
	require.Equal(t, map[string]string{"planb-worker": "4"}, prometheus.query(t, `planb_pull_slots`, "job"))
	require.Equal(t, map[string]string{"planb-worker": "0"}, prometheus.query(t, `planb_pull_slots_used`, "job"))
	require.Equal(t, map[string]string{s.parent: "1"}, prometheus.query(t, `planb_room_there`, "storage"))
	require.Equal(t, map[string]string{"pull-store1": "0", "storage-store1": "0", "planb": "0", "planb-notices": "0"}, prometheus.query(t, `planb_queue_tasks`, "queue"))
	require.Equal(t, map[string]string{"control": "1", "worker": "1", "web": "1"}, prometheus.query(t, `planb_build_info`, "part"))
	require.NotEmpty(t, prometheus.query(t, `temporal_activity_execution_latency_seconds_count{activity_type="Pull"} > 0`, "task_queue"))

	var there struct{ Data []string }
	prometheus.get(t, "/api/v1/label/__name__/values", &there)
	for _, file := range []string{"grafana/planb.json", "prometheus/planb-rules.yaml"} {
		named := regexp.MustCompile(`\b(planb|temporal|go|process)_[a-z_]+\b`).FindAllString(deployed(t, file), -1)
		require.NotEmpty(t, named)
		require.Subset(t, there.Data, named, file)
	}
	var rules struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health string }
			}
		}
	}
	require.EventuallyWithT(t, func(c *assert.CollectT) {
		prometheus.get(c, "/api/v1/rules", &rules)
		assert.Len(c, rules.Data.Groups, 3)
		for _, g := range rules.Data.Groups {
			for _, r := range g.Rules {
				assert.Equal(c, "ok", r.Health, r.Name)
			}
		}
	}, 90*time.Second, time.Second, "rules are evaluated once a minute")
}

func TestAlertRules(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"check", "rules", "planb-rules.yaml"}, {"test", "rules", "planb-rules-test.yaml"}} {
		cmd := exec.CommandContext(t.Context(), "promtool", args...)
		cmd.Dir = filepath.Join("..", "deploy", "prometheus")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "promtool %s: %s", args, out)
	}
}

// serve runs parts until the test ends.
func (s *served) serve(parts ...part) {
	s.t.Helper()
	cfg, err := config.Load("", s.environ)
	require.NoError(s.t, err)
	ctx, stop := context.WithCancel(context.WithoutCancel(s.t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- runAll(ctx, cfg, slog.Default(), parts) }()
	s.t.Cleanup(func() {
		stop()
		require.NoError(s.t, <-ended)
	})
}

// sql runs a statement on the catalog.
func (p *planb) sql(statement string) {
	p.t.Helper()
	cfg, err := config.Load("", p.environ)
	require.NoError(p.t, err)
	conn, err := pgx.Connect(p.t.Context(), cfg.Database.URL)
	require.NoError(p.t, err)
	defer func() { _ = conn.Close(context.WithoutCancel(p.t.Context())) }()
	_, err = conn.Exec(p.t.Context(), statement)
	require.NoError(p.t, err)
}

// deployed is the text of a file below deploy.
func deployed(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "deploy", filepath.FromSlash(name)))
	require.NoError(t, err)
	return string(text)
}

// start starts a program that runs until the test ends.
func start(t *testing.T, program string, args ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), program+".log"))
	require.NoError(t, err)
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait() // it was killed
		log.Close()
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("%s wrote: %s", program, text)
		}
	})
}

// prometheusAt is the address of one that runs.
type prometheusAt string

func (p prometheusAt) get(t require.TestingT, path string, into any) {
	res, err := http.Get(string(p) + path)
	if !assert.NoError(t, err) {
		return
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if assert.NoError(t, err) && assert.Equal(t, http.StatusOK, res.StatusCode, "%s", text) {
		assert.NoError(t, json.Unmarshal(text, into))
	}
}

// query gives values as text, by one label.
func (p prometheusAt) query(t require.TestingT, expression, label string) map[string]string {
	var answer struct {
		Data struct {
			Result []struct {
				Metric map[string]string
				Value  [2]any
			}
		}
	}
	p.get(t, "/api/v1/query?"+url.Values{"query": {expression}}.Encode(), &answer)
	values := map[string]string{}
	for _, r := range answer.Data.Result {
		values[r.Metric[label]], _ = r.Value[1].(string)
	}
	return values
}
