package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"planb/internal/sshx/sshtest"
	"planb/internal/zfs"
	"planb/worker"
	"planb/workflows"
)

// biller is the receiver of a form. It takes the first sample, and whoever sent
// it does not hear of it.
type biller struct {
	mu    sync.Mutex
	taken []string
	// calls counts requests; each sends to came, and the first waits for lost.
	calls int
	came  chan struct{}
	lost  chan struct{}
}

func (b *biller) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	b.mu.Lock()
	b.calls++
	first, there := b.calls == 1, false
	for _, t := range b.taken {
		there = there || t == string(body)
	}
	if !there {
		b.taken = append(b.taken, string(body))
	}
	b.mu.Unlock()
	switch {
	case first:
		close(b.came)
		<-b.lost
	case there:
		fmt.Fprint(w, "Backup history with this Name and Date already exists.")
	default:
		fmt.Fprint(w, "OK")
	}
}

// site is a PlanB of its own beside the stack's, which can be killed: another
// catalog, another namespace of Temporal, another storage of the pool.
type site struct {
	t      *testing.T
	config string
	cmd    *exec.Cmd
	log    *bytes.Buffer
}

// newSite makes one whose planb.yaml ends with more.
func newSite(t *testing.T, more string) (s *site, storage string) {
	t.Helper()
	pool, _, _ := strings.Cut(stack.Storage, "/")
	storage = pool + "/BILLING"
	_, _, err := zfs.New(zfs.Options{}).EnsureDataset(t.Context(), storage, nil)
	require.NoError(t, err)

	db, err := pgx.Connect(t.Context(), stack.DatabaseURL)
	require.NoError(t, err)
	_, err = db.Exec(t.Context(), "create schema billing_e2e")
	require.NoError(t, err)
	require.NoError(t, db.Close(t.Context()))
	u, err := url.Parse(stack.DatabaseURL)
	require.NoError(t, err)
	q := u.Query()
	q.Set("search_path", "billing_e2e")
	u.RawQuery = q.Encode()

	dir := t.TempDir()
	s = &site{t: t, config: filepath.Join(dir, "planb.yaml"), log: &bytes.Buffer{}}
	text := "server: billing\nstate: " + strconv.Quote(filepath.Join(dir, "state")) +
		"\ndatabase:\n  url: " + strconv.Quote(u.String()) +
		"\ntemporal:\n  address: " + stack.TemporalAddress + "\n  namespace: billing-e2e" +
		"\nstorages:\n  - dataset: " + storage + "\nmetrics:\n  control: off\n  worker: off" +
		fmt.Sprintf("\ndata:\n  listen: 127.0.0.1:%d\n  key: %s", sshtest.FreePort(t), strings.Repeat("k", 32)) +
		fmt.Sprintf("\nweb:\n  listen: 127.0.0.1:%d\n", sshtest.FreePort(t)) + more
	require.NoError(t, os.WriteFile(s.config, []byte(text), 0o600))
	s.must("migrate")
	prepareNamespace(t, "billing-e2e")
	s.start()
	t.Cleanup(func() {
		s.kill()
		if t.Failed() {
			t.Logf("planb serve said:\n%s", s.log)
		}
	})
	require.Eventually(t, func() bool {
		return strings.Contains(s.must("storage", "list", "--json"), storage)
	}, patience, 200*time.Millisecond, "the storage is not registered")
	return s, storage
}

// prepareNamespace makes a namespace of Temporal usable, which the caches of the
// server delay.
func prepareNamespace(t *testing.T, namespace string) {
	t.Helper()
	c, err := client.DialContext(t.Context(), client.Options{HostPort: stack.TemporalAddress, Namespace: namespace})
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, worker.PrepareNamespace(t.Context(), c, namespace, slog.New(slog.DiscardHandler)))
	require.Eventually(t, func() bool {
		_, err := c.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{
			Namespace: namespace, Query: workflows.AttributeState.GetName() + " = 'none'",
		})
		return err == nil
	}, patience, 200*time.Millisecond, "the namespace is not usable")
}

func (s *site) env() []string { return []string{"PLANB_CONFIG=" + s.config} }

func (s *site) must(args ...string) string {
	s.t.Helper()
	r := planbWith(s.t, s.env(), args...)
	require.Equal(s.t, done, r.code, "planb %q: %s%s", args, r.stdout, r.stderr)
	return r.stdout
}

func (s *site) start() {
	s.t.Helper()
	s.cmd = exec.Command(program, "--config", s.config, "serve")
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	require.NoError(s.t, s.cmd.Start())
}

// kill ends planb serve with no chance to tidy up.
func (s *site) kill() {
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
}

// TestBilling takes the sample of a real dataset, and posts it once, though
// PlanB is killed when the receiver has it, and though it is run twice.
func TestBilling(t *testing.T) {
	t.Parallel()
	office := &biller{came: make(chan struct{}), lost: make(chan struct{})}
	receiver := httptest.NewServer(office)
	t.Cleanup(receiver.Close)
	s, storage := newSite(t, "billing:\n  posters:\n    - {name: office, kind: form, url: \""+receiver.URL+"\"}\n")
	server := sshtest.Server(t, sshtest.Options{Root: source(t)})
	s.must(append(addArgs("billed/web1", server), "--include", "/")...)
	s.must("backup", "billed/web1", "--wait")

	type ended struct {
		out []byte
		err error
	}
	first := make(chan ended, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	go func() {
		cmd := exec.CommandContext(ctx, program, "--config", s.config, "billing", "run", "--json")
		out, err := cmd.Output()
		first <- ended{out, err}
	}()
	select {
	case <-office.came:
	case e := <-first:
		require.Fail(t, "billing ended without a post", "%s %v", e.out, e.err)
	}
	s.kill()
	close(office.lost)
	s.start()

	e := <-first
	require.NoError(t, e.err, "%s", e.out)
	var came row
	require.NoError(t, json.Unmarshal(e.out, &came))
	require.EqualValues(t, 1, came["taken"])
	require.EqualValues(t, 1, came["posted"])
	require.EqualValues(t, 1, came["existed"])
	require.Len(t, office.taken, 1, "billed twice")

	dataset := storage + "/billed/web1"
	listed := decode(t, s.must("billing", "list", "--json"))
	require.Len(t, listed, 1)
	sample := listed[0]
	require.Equal(t, "billed/web1", sample["host"])
	require.Equal(t, "pool", sample["source"])
	require.EqualValues(t, zfsNumber(t, "used", dataset), sample["used_bytes"])
	require.EqualValues(t, zfsNumber(t, "referenced", dataset), sample["referenced_bytes"])
	require.EqualValues(t, len(snapshotsOnPool(t, dataset)), sample["snapshots"])
	day := sample["day"].(string)
	require.Equal(t, fmt.Sprintf("date=%s&name=billed-web1&size=%d", day, zfsNumber(t, "used", dataset)), office.taken[0])
	post := sample["posts"].([]any)[0].(map[string]any)
	require.Equal(t, office.taken[0], post["sent"])
	require.Equal(t, "posted", post["state"])

	calls := office.calls
	require.Contains(t, s.must("billing", "run"), "It was sampled already.")
	require.Equal(t, calls, office.calls, "what was posted is not posted again")
	require.Contains(t, s.must("billing", "list", "--csv"), day+",billed,web1,")
	require.Contains(t, s.must("billing", "list"), "office posted")
	require.Equal(t, refused, planbWith(t, s.env(), "billing", "run", "--date", "2126-01-01").code)
	require.Equal(t, usage, planbWith(t, s.env(), "billing", "run", "--date", "tomorrow").code)
	require.Equal(t, usage, planbWith(t, s.env(), "billing", "list", "--month", "2026").code)
}
