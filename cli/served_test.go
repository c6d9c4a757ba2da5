package cli

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"planb/internal/config"
	"planb/internal/ident"
	"planb/internal/sshx/sshtest"
	"planb/internal/zfs"
	"planb/internal/zfs/zfstest"
	"planb/worker"
	"planb/workflows"
)

// served is a command line with everything behind it: a namespace of its own in
// Temporal, a catalog, a ZFS pool, and PlanB's control and worker running.
type served struct {
	*planb
	zfs    *zfs.Client
	parent string
	tc     client.Client
}

func newServed(t *testing.T, environ ...string) *served {
	t.Helper()
	p := newPlanb(t)
	s := &served{planb: p}
	s.zfs, s.parent = zfstest.Pool(t)
	namespace := group(t)
	p.environ = append(p.environ,
		"PLANB_TEMPORAL_NAMESPACE="+namespace, "PLANB_SERVER=store1", "PLANB_STORAGES="+s.parent,
		"PLANB_DATA_LISTEN=127.0.0.1:"+strconv.Itoa(sshtest.FreePort(t)), "PLANB_DATA_KEY="+strings.Repeat("k", config.MinDataKey),
		"PLANB_LIMITS_STOP=5s", "PLANB_METRICS_CONTROL=off", "PLANB_METRICS_WORKER=off")
	p.environ = append(p.environ, environ...)
	cfg, err := config.Load("", p.environ)
	require.NoError(t, err)
	s.tc, err = worker.Dial(t.Context(), cfg, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	t.Cleanup(s.tc.Close)
	waitForAttributes(t, s.tc, namespace)

	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- runAll(ctx, cfg, slog.Default(), []part{runControl, runWorker}) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	require.Eventually(t, func() bool {
		storages, err := p.store.Storages(t.Context())
		return err == nil && len(storages) == 1
	}, time.Minute, 50*time.Millisecond, "the storage was not registered")
	return s
}

// waitForAttributes makes the namespace and its search attributes usable, which
// the caches of the server delay.
func waitForAttributes(t *testing.T, c client.Client, namespace string) {
	t.Helper()
	require.NoError(t, worker.PrepareNamespace(t.Context(), c, namespace, slog.New(slog.DiscardHandler)))
	require.Eventually(t, func() bool {
		_, err := c.CountWorkflow(t.Context(), &workflowservice.CountWorkflowExecutionsRequest{
			Namespace: namespace, Query: workflows.AttributeState.GetName() + " = 'none'",
		})
		return err == nil
	}, time.Minute, 200*time.Millisecond, "the namespace is not usable")
}

// add adds a host whose files are those of root, reached over an sshd of its own.
func (s *served) add(host, root string, flags ...string) *sshtest.SSH {
	s.t.Helper()
	server := sshtest.Server(s.t, sshtest.Options{Root: root})
	s.ok(append([]string{
		"host", "add", host, "--address", server.Target.Address, "--port", strconv.Itoa(server.Target.Port),
		"--user", server.Target.User, "--ssh-key", server.Target.KeyFile, "--include", "/",
	}, flags...)...)
	return server
}

// waits runs a command that shows progress on standard error, and gives what
// it printed.
func (p *planb) waits(args ...string) string {
	p.t.Helper()
	status, stdout, stderr := p.run(args...)
	require.Zero(p.t, status, "planb %s: %s", strings.Join(args, " "), stderr)
	return stdout
}

func mustHost(t *testing.T, name string) ident.Host {
	t.Helper()
	h, err := ident.ParseHost(name)
	require.NoError(t, err)
	return h
}
