//go:build openzfs

package openzfs

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// machine is the virtual one; config is the ssh_config by which it is reached.
type machine struct{ config string }

// Where things are in the machine.
const (
	storage    = "tank/BACKUP"
	testBinary = "/usr/local/bin/openzfs.test"
	workerLog  = "/var/log/planb-worker.log"
	sudoLog    = "/var/log/sudo.log"
)

// dataPort is where the data service listens in the machine.
const dataPort = 7480

// storageServer prepares the machine as docs/storage.md and docs/hosts.md say.
//
//go:embed testdata/storage-server.sh
var storageServer string

// try runs a program in the machine as root and gives what it printed. ssh
// hands a line to a shell, so that all words are quoted.
func (m *machine) try(argv ...string) (string, error) {
	quoted := make([]string, len(argv))
	for i, a := range argv {
		quoted[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
	}
	out, err := exec.Command("ssh", "-n", "-F", m.config, "vm", strings.Join(quoted, " ")).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%q in the machine: %w\n%s", argv, err, out)
	}
	return strings.TrimSuffix(string(out), "\n"), err
}

// run is try for what succeeds.
func (m *machine) run(t testing.TB, argv ...string) string {
	t.Helper()
	out, err := m.try(argv...)
	require.NoError(t, err)
	return out
}

// script runs lines of bash, which end at the first failure.
func (m *machine) script(t testing.TB, lines string) string {
	t.Helper()
	return m.run(t, "bash", "-euo", "pipefail", "-c", lines)
}

// put copies files into the machine.
func (m *machine) put(ctx context.Context, from, to string) error {
	out, err := exec.CommandContext(ctx, "scp", "-q", "-F", m.config, from, "vm:"+to).CombinedOutput()
	if err != nil {
		return fmt.Errorf("copy %s into the machine: %w\n%s", from, err, out)
	}
	return nil
}

// startWorker makes the machine a storage server whose worker reaches Temporal
// at a port of this machine's loopback, and waits for it to register.
func (m *machine) startWorker(ctx context.Context, program string, temporal int) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	forward, err := m.forward(ctx)
	if err != nil {
		return err
	}
	for from, to := range map[string]string{
		program: "/usr/local/bin/planb", self: testBinary,
		"../../deploy/sudoers":             "/etc/sudoers.d/planb",
		"../../deploy/host/planb-sender":   "/usr/local/bin/planb-sender",
		"../../deploy/host/planb-receiver": "/usr/local/bin/planb-receiver",
	} {
		if err := m.put(ctx, from, to); err != nil {
			return err
		}
	}
	config := fmt.Sprintf("server: store1\nrestore:\n  key: /etc/planb/restore_ed25519\nstorages:\n  - dataset: %s\nzfs:\n  sudo: true\ntemporal:\n  address: 10.0.2.2:%d\n  namespace: planb\n"+
		"data:\n  listen: 127.0.0.1:%d\n  url: http://127.0.0.1:%d\n  key: %s\n", storage, temporal, dataPort, forward, dataKey)
	if _, err := m.try("bash", "-euo", "pipefail", "-c", storageServer, "storage-server", config); err != nil {
		return err
	}
	return m.registered(ctx)
}

// forward makes the machine's data service reachable at a port of this one.
func (m *machine) forward(ctx context.Context) (port int, err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	port = l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		return 0, err
	}
	out, err := exec.CommandContext(ctx, "ssh", "-F", m.config, "-O", "forward",
		"-L", "127.0.0.1:"+strconv.Itoa(port)+":127.0.0.1:"+strconv.Itoa(dataPort), "vm").CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("forward a port to the machine: %w\n%s", err, out)
	}
	return port, nil
}

// registered waits until the catalog has the storage.
func (m *machine) registered(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		out, err := planb.Command(ctx, "storage", "list", "--json").CombinedOutput()
		if err == nil && bytes.Contains(out, []byte(strconv.Quote(storage))) {
			return nil
		}
		select {
		case <-ctx.Done():
			log, _ := m.try("tail", "-n", "30", workerLog)
			return fmt.Errorf("the worker in the machine does not register %s: %s\n%s", storage, out, log)
		case <-tick.C:
		}
	}
}

// dataOf is the directory in the machine that a host's files are pulled to.
func dataOf(host string) string { return filepath.Join("/", storage, host, "data") }
