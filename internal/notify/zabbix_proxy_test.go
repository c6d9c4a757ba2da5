package notify

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/config"
)

// TestZabbixProxy sends a notice to Debian's proxy, which takes values for the items
// in its database though there is no server.
func TestZabbixProxy(t *testing.T) {
	t.Parallel()
	proxy, err := exec.LookPath("zabbix_proxy")
	if err != nil {
		t.Skip("there is no zabbix_proxy: apt-get install zabbix-proxy-sqlite3")
	}
	if _, err := exec.LookPath("sqlite3"); err != nil {
		t.Skip("there is no sqlite3: apt-get install sqlite3")
	}
	dir := t.TempDir()
	port := portForZabbix(t)
	where := fmt.Sprintf("127.0.0.1:%d", port)
	conf, db := filepath.Join(dir, "proxy.conf"), filepath.Join(dir, "proxy.db")
	require.NoError(t, os.WriteFile(conf, fmt.Appendf(nil,
		"Server=127.0.0.1:1\nHostname=proxy\nListenIP=127.0.0.1\nListenPort=%d\nDBName=%s\nLogFile=%s/log\nPidFile=%s/pid\nSocketDir=%s\nAllowRoot=1\n",
		port, db, dir, dir, dir), 0o600))
	ch, err := New(config.Channel{Name: "z", Type: "zabbix", Server: where, Host: "backup1"})
	require.NoError(t, err)
	whileProxyRuns := func(enough func() bool) {
		t.Helper()
		cmd := exec.Command(proxy, "-f", "-c", conf)
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		require.NoError(t, cmd.Start())
		defer func() {
			_ = cmd.Process.Signal(syscall.SIGTERM)
			_ = cmd.Wait()
		}()
		require.Eventually(t, enough, 30*time.Second, 100*time.Millisecond)
	}
	query := func(sql string) string {
		t.Helper()
		out, err := exec.Command("sqlite3", "-cmd", ".timeout 5000", db, sql).CombinedOutput()
		require.NoError(t, err, "%s", out)
		return string(out)
	}

	whileProxyRuns(func() bool { // which makes the database
		err = ch.Send(t.Context(), "", sample())
		return err != nil && !isRefusedConnection(err)
	})
	require.ErrorContains(t, err, "it has no item planb.notice")
	query(`insert into hosts (hostid, host, status) values (1, 'backup1', 0);
		insert into items (itemid, type, hostid, key_, value_type, status, delay) values (1, 2, 1, 'planb.notice', 4, 0, '0');
		insert into item_rtdata (itemid) values (1)`)
	whileProxyRuns(func() bool { return ch.Send(t.Context(), "", sample()) == nil })
	require.Equal(t, strconv.FormatInt(sample().At.Unix(), 10)+"|"+value(sample())+"\n", query(`select clock, value from proxy_history`))
}

func isRefusedConnection(err error) bool {
	var e *net.OpError
	return errors.As(err, &e) && e.Op == "dial"
}

// portForZabbix gives a free port of those that Zabbix takes, which end at 32767.
func portForZabbix(t *testing.T) int {
	t.Helper()
	for port := 32767; port > 20000; port-- {
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			require.NoError(t, l.Close())
			return port
		}
	}
	t.Fatal("no port is free")
	return 0
}
