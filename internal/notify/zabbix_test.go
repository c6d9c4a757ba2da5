package notify

import (
	"encoding/binary"
	"encoding/json"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/config"
)

// zabbixServer takes one message and answers with answer as it is.
func zabbixServer(t *testing.T, answer string) (where string, got chan map[string]any) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	got = make(chan map[string]any, 1)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		head := make([]byte, 13)
		if _, err := io.ReadFull(conn, head); err != nil || string(head[:5]) != "ZBXD\x01" {
			return
		}
		body := make([]byte, binary.LittleEndian.Uint64(head[5:]))
		var m map[string]any
		if _, err := io.ReadFull(conn, body); err == nil && json.Unmarshal(body, &m) == nil {
			got <- m
		}
		_, _ = io.WriteString(conn, answer)
	}()
	t.Cleanup(func() { _ = l.Close(); <-ended })
	return l.Addr().String(), got
}

func framed(s string) string {
	return "ZBXD\x01" + string(binary.LittleEndian.AppendUint64(nil, uint64(len(s)))) + s
}

const taken = `{"response":"success","info":"processed: 1; failed: 0; total: 1; seconds spent: 0.000055"}`

func TestZabbix(t *testing.T) {
	t.Parallel()
	for id, item := range map[string]string{"": "planb.notice", "4f": "planb.notice[4f]"} {
		where, got := zabbixServer(t, framed(taken))
		ch, err := New(config.Channel{Name: "z", Type: "zabbix", Server: where, Host: "backup1"})
		require.NoError(t, err)
		n := sample()
		n.HostID = id
		require.NoError(t, ch.Send(t.Context(), "", n))
		m := <-got
		require.Equal(t, "sender data", m["request"])
		value := m["data"].([]any)[0].(map[string]any)
		require.Equal(t, "backup1", value["host"])
		require.Equal(t, item, value["key"])
		require.EqualValues(t, n.At.Unix(), value["clock"])
		require.Contains(t, value["value"], "error failed: The backup of acme/web1 failed\n")
	}
}

func TestZabbixFailures(t *testing.T) {
	t.Parallel()
	for answer, want := range map[string]string{
		"": "it did not answer",
		framed(`{"response":"success","info":"processed: 0; failed: 1; total: 1"}`): "it has no item planb.notice at its host backup1",
		framed(`{"response":"failed","info":"cannot"}`):                             "it refused",
		"HTTP/1.1 400 Bad Request\r\n":                                              "no Zabbix server",
		framed(taken)[:30]:                                                          "ended early",
	} {
		where, _ := zabbixServer(t, answer)
		ch, err := New(config.Channel{Name: "z", Type: "zabbix", Server: where, Host: "backup1"})
		require.NoError(t, err)
		err = ch.Send(t.Context(), "", sample())
		require.ErrorContains(t, err, want)
		require.False(t, Refused(err), "it can be mended")
	}
}
