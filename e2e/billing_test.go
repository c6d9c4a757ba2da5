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
	"slices"
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
	// refuses is in what it does not want.
	refuses string
}

// saw gives what it took, and how often it was asked.
func (b *biller) saw() (taken []string, calls int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.taken), b.calls
}

func (b *biller) refuse(what string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.refuses = what
}

func (b *biller) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	b.mu.Lock()
	b.calls++
	first, there := b.calls == 1, slices.Contains(b.taken, string(body))
	refused := b.refuses != "" && strings.Contains(string(body), b.refuses)
	if !there && !refused {
		b.taken = append(b.taken, string(body))
	}
	b.mu.Unlock()
	switch {
	case first:
		close(b.came)
		<-b.lost
	case refused:
		fmt.Fprint(w, "There is no such name")
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

// namespaceOf is the namespace of a site.
func namespaceOf(name string) string { return name + "-e2e" }

// newSite makes one of a name of small letters, whose planb.yaml ends with more.
func newSite(t *testing.T, name, more string) (s *site, storage string) {
	t.Helper()
	pool, _, _ := strings.Cut(stack.Storage, "/")
	storage = pool + "/" + strings.ToUpper(name)
	_, _, err := zfs.New(zfs.Options{}).EnsureDataset(t.Context(), storage, nil)
	require.NoError(t, err)

	db, err := pgx.Connect(t.Context(), stack.DatabaseURL)
	require.NoError(t, err)
	_, err = db.Exec(t.Context(), "create schema "+name+"_e2e")
	require.NoError(t, err)
	require.NoError(t, db.Close(t.Context()))
	u, err := url.Parse(stack.DatabaseURL)
	require.NoError(t, err)
	q := u.Query()
	q.Set("search_path", name+"_e2e")
	u.RawQuery = q.Encode()

	// With the stack's own files, which go after the pool: a view of a snapshot that
	// a killed worker left is mounted there.
	dir := filepath.Join(filepath.Dir(stack.Config), name+"-e2e")
	require.NoError(t, os.Mkdir(dir, 0o700))
	s = &site{t: t, config: filepath.Join(dir, "planb.yaml"), log: &bytes.Buffer{}}
	text := "server: " + name + "\nstate: " + strconv.Quote(filepath.Join(dir, "state")) +
		"\ndatabase:\n  url: " + strconv.Quote(u.String()) +
		"\ntemporal:\n  address: " + stack.TemporalAddress + "\n  namespace: " + namespaceOf(name) +
		"\nstorages:\n  - dataset: " + storage + "\nmetrics:\n  control: off\n  worker: off" +
		fmt.Sprintf("\ndata:\n  listen: 127.0.0.1:%d\n  key: %s", sshtest.FreePort(t), strings.Repeat("k", 32)) +
		fmt.Sprintf("\nweb:\n  listen: 127.0.0.1:%d\n", sshtest.FreePort(t)) + more
	require.NoError(t, os.WriteFile(s.config, []byte(text), 0o600))
	s.must("migrate")
	prepareNamespace(t, namespaceOf(name))
	s.start()
	t.Cleanup(func() {
		s.stop()
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
	c := temporalOf(t, namespace)
	require.NoError(t, worker.PrepareNamespace(t.Context(), c, namespace, slog.New(slog.DiscardHandler)))
	require.Eventually(t, func() bool {
		_, err := c.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{
			Namespace: namespace, Query: workflows.AttributeState.GetName() + " = 'none'",
		})
		return err == nil
	}, patience, 200*time.Millisecond, "the namespace is not usable")
}

func temporalOf(t *testing.T, namespace string) client.Client {
	t.Helper()
	c, err := client.DialContext(t.Context(), client.Options{HostPort: stack.TemporalAddress, Namespace: namespace})
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c
}

// add appends text to planb.yaml.
func (s *site) add(text string) {
	s.t.Helper()
	f, err := os.OpenFile(s.config, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(s.t, err)
	_, err = f.WriteString(text)
	require.NoError(s.t, err)
	require.NoError(s.t, f.Close())
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
	_ = s.cmd.Wait() // says that it was killed
}

// stop ends planb serve in good order.
func (s *site) stop() {
	late := time.AfterFunc(patience, func() { _ = s.cmd.Process.Kill() })
	defer late.Stop()
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	_ = s.cmd.Wait()
}

// TestBilling takes the sample of a real dataset, and posts it once, though
// PlanB is killed when the receiver has it, and though it is run twice.
func TestBilling(t *testing.T) {
	t.Parallel()
	office := &biller{came: make(chan struct{}), lost: make(chan struct{})}
	receiver := httptest.NewServer(office)
	t.Cleanup(receiver.Close)
	s, storage := newSite(t, "billing", "billing:\n  posters:\n    - {name: office, kind: form, url: \""+receiver.URL+"\"}\n")
	server := sshtest.Server(t, sshtest.Options{Root: source(t)})
	s.must(append(addArgs("billed/web1", server), "--include", "/")...)
	s.must("backup", "billed/web1", "--wait")
	dataset := storage + "/billed/web1"
	settle(t, dataset)

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
	s.add("  timezone: Etc/UTC\n") // the same days by another name
	s.start()

	e := <-first
	require.NoError(t, e.err, "%s", e.out)
	var came row
	require.NoError(t, json.Unmarshal(e.out, &came))
	require.EqualValues(t, 1, came["taken"])
	require.EqualValues(t, 1, came["posted"])
	require.EqualValues(t, 1, came["existed"])
	taken, _ := office.saw()
	require.Len(t, taken, 1, "billed twice")

	listed := decode(t, s.must("billing", "list", "--json"))
	require.Len(t, listed, 1)
	sample := listed[0]
	require.Equal(t, "billed/web1", sample["host"])
	require.Equal(t, "pool", sample["source"])
	require.EqualValues(t, zfsNumber(t, "used", dataset), sample["used_bytes"])
	require.EqualValues(t, zfsNumber(t, "referenced", dataset), sample["referenced_bytes"])
	require.EqualValues(t, len(snapshotsOnPool(t, dataset)), sample["snapshots"])
	day := sample["day"].(string)
	require.Equal(t, fmt.Sprintf("date=%s&name=billed-web1&size=%d", day, zfsNumber(t, "used", dataset)), taken[0])
	post := sample["posts"].([]any)[0].(map[string]any)
	require.Equal(t, taken[0], post["sent"])
	require.Equal(t, "posted", post["state"])

	_, calls := office.saw()
	require.Contains(t, s.must("billing", "run"), "It was sampled already.")
	_, again := office.saw()
	require.Equal(t, calls, again, "what was posted is not posted again")
	require.Contains(t, s.must("billing", "list", "--csv"), day+",billed,web1,")
	require.Contains(t, s.must("billing", "list"), "office posted")
	require.Equal(t, refused, planbWith(t, s.env(), "billing", "run", "--date", "2126-01-01").code)
	require.Equal(t, usage, planbWith(t, s.env(), "billing", "run", "--date", "tomorrow").code)
	require.Equal(t, usage, planbWith(t, s.env(), "billing", "list", "--month", "2026").code)

	// A sample that is refused is told, and posted once it is wanted.
	s.must(append(addArgs("billed/db1", server), "--include", "/etc")...)
	s.must("backup", "billed/db1", "--wait")
	office.refuse("db1")
	r := planbWith(t, s.env(), "billing", "run")
	require.Equal(t, failed, r.code)
	require.Contains(t, r.stdout, day+": 2 samples, 1 posted, 1 of those there already, 1 refused.")
	require.Contains(t, r.stderr, "1 of 2 posts did not get through: the receiver answered 200 OK: There is no such name")
	office.refuse("")
	require.Contains(t, s.must("billing", "run"), day+": 2 samples, 2 posted")
	taken, _ = office.saw()
	require.Len(t, taken, 2)

	// It happens by itself, at noon in the zone that is configured now.
	d, err := temporalOf(t, namespaceOf("billing")).ScheduleClient().GetHandle(t.Context(), workflows.BillingScheduleID).Describe(t.Context())
	require.NoError(t, err)
	require.Equal(t, "Etc/UTC", d.Schedule.Spec.TimeZoneName)
	require.NotEmpty(t, d.Info.NextActionTimes)
	for _, at := range d.Info.NextActionTimes {
		require.Equal(t, "12:00:00", at.UTC().Format(time.TimeOnly))
	}
}

// settle waits until ZFS has written all of a dataset: until then, what it uses
// grows by itself.
func settle(t *testing.T, dataset string) {
	t.Helper()
	used, since := int64(-1), time.Now()
	require.Eventually(t, func() bool {
		if now := zfsNumber(t, "used", dataset); now != used {
			used, since = now, time.Now()
		}
		return time.Since(since) > 7*time.Second // a group of transactions takes five
	}, patience, 500*time.Millisecond, "what the dataset uses does not come to rest")
}
