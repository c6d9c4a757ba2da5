package catalogtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// startTimeout bounds how long a new cluster may take to answer.
const startTimeout = time.Minute

// shared is the one cluster of this test process.
var shared = sync.OnceValues(startCluster)

// privateCluster gives the URL of a cluster that the tests of this process
// share. It ends with the process.
func privateCluster(t testing.TB) string {
	t.Helper()
	c, err := shared()
	require.NoError(t, err)
	return c.url
}

type cluster struct {
	url string
	// alive is a pipe that nothing is ever written to. When this process ends,
	// in whatever way, its guardian reads the end of it and cleans up.
	alive io.WriteCloser
}

// guardian runs the server ($2…) until standard input ends, stops it the quick
// way, since nothing in it is worth keeping, and removes its directory ($1).
const guardian = `dir=$1; shift; "$@" & pid=$!; cat >/dev/null; kill -QUIT $pid; wait $pid; rm -rf -- "$dir"`

func startCluster() (*cluster, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "planb-catalogtest-")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	initdb := exec.Command("env", unprivileged(filepath.Join(bin, "initdb"),
		"-D", data, "-A", "trust", "-U", "planb", "-E", "UTF8", "--no-locale", "--no-sync")...)
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("initdb: %w: %s", err, out), os.RemoveAll(dir))
	}
	server := unprivileged(filepath.Join(bin, "postgres"), "-D", data,
		"-c", "listen_addresses=", "-c", "unix_socket_directories="+dir, "-c", "fsync=off",
		"-c", "max_connections=200", "-c", "logging_collector=off")
	logFile, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	defer func() { _ = logFile.Close() }()
	cmd := exec.Command("sh", append([]string{"-c", guardian, "sh", dir}, server...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // an interrupt is for the tests; theirs is the end of the pipe
	cmd.Stdout, cmd.Stderr = logFile, logFile
	alive, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	c := &cluster{url: "postgres://planb@/postgres?host=" + url.QueryEscape(dir), alive: alive}
	if err := c.ready(filepath.Join(dir, "log")); err != nil {
		return nil, errors.Join(err, alive.Close(), cmd.Wait())
	}
	return c, nil
}

func (c *cluster) ready(logFile string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, c.url)
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			text, _ := os.ReadFile(logFile)
			return fmt.Errorf("the PostgreSQL of the tests does not answer: %w: %s", err, text)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// binaries finds the directory of the newest PostgreSQL server.
func binaries() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	path, err := exec.LookPath("initdb")
	if err != nil {
		return "", errors.New("no PostgreSQL server is installed for the tests: apt-get install postgresql, or set " + EnvURL)
	}
	return filepath.Dir(path), nil
}

// unprivileged gives the command for a program that refuses to be root: it
// runs in a user namespace in which root's files are its own under another id.
func unprivileged(argv ...string) []string {
	if os.Geteuid() != 0 {
		return argv
	}
	return append([]string{"unshare", "--user", "--map-user=65534", "--map-group=65534", "--"}, argv...)
}
