package activities

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
	"planb/internal/sshx/sshtest"
)

// pulling is a storage server with a real host to pull from.
type pulling struct {
	*storageServer
	// source is the root of the host.
	source string
	ssh    *sshtest.SSH
}

func newPulling(t *testing.T, settings policy.Settings) *pulling {
	t.Helper()
	source := t.TempDir()
	server := sshtest.Server(t, sshtest.Options{Root: source})
	target := server.Session().Target
	settings.Port, settings.User = &target.Port, &target.User
	p := &pulling{storageServer: newStorageServer(t, settings), source: source, ssh: server}
	p.Heartbeats = time.Hour // there is no Temporal to report to
	p.DefaultKey, p.PerAddress = target.KeyFile, 9
	p.plan.Transport, p.plan.Address, p.plan.HostKeys = TransportSSH, target.Address, target.HostKeys
	return p
}

// run begins another run.
func (p *pulling) run(name string) { p.plan.Run = name }

func (p *pulling) write(files map[string]string) {
	p.t.Helper()
	for name, text := range files {
		path := filepath.Join(p.source, name)
		require.NoError(p.t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(p.t, os.WriteFile(path, []byte(text), 0o644))
	}
}

func (p *pulling) prepared() Prepared { return do[Prepared](p.storageServer, p.Prepare, p.plan) }

func (p *pulling) pull() PullResult {
	p.t.Helper()
	return do[PullResult](p.storageServer, p.Pull, PullInput{Plan: p.plan, Prepared: p.prepared()})
}

func (p *pulling) snapshot(name string) {
	p.t.Helper()
	do[any](p.storageServer, p.Snapshot, SnapshotInput{Plan: p.plan, Name: name, State: policy.StateOK, Data: p.dataDir()})
}
