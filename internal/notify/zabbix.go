package notify

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"planb/internal/config"
)

const (
	// zabbixTime bounds one exchange with a Zabbix server.
	zabbixTime = 30 * time.Second
	// zabbixHeader begins each message: the protocol's name, and a flag that says
	// that lengths of four bytes follow.
	zabbixHeader = "ZBXD\x01"
	// zabbixMost bounds an answer, in bytes.
	zabbixMost = 1 << 16
)

// trapper sends notices to the trapper items of a host of Zabbix.
type trapper struct{ server, host string }

var zabbixType = channelType{create: newTrapper, settings: []string{"server", "host"}}

func newTrapper(c config.Channel) (Channel, error) {
	if _, _, err := net.SplitHostPort(c.Server); err != nil {
		return nil, fmt.Errorf("server is %q: give host:port of a Zabbix server or proxy, as zabbix.example:10051", c.Server)
	}
	if c.Host == "" {
		return nil, errors.New("it needs host: what Zabbix calls the machine that has the template PlanB")
	}
	return &trapper{c.Server, c.Host}, nil
}

// Recipients implements Channel.
func (*trapper) Recipients([]string) []string { return []string{""} }

// Send implements Channel.
func (z *trapper) Send(ctx context.Context, _ string, n Notice) error {
	if err := z.exchange(ctx, n); err != nil {
		return fmt.Errorf("the Zabbix server %s: %w", z.server, err)
	}
	return nil
}

func (z *trapper) exchange(ctx context.Context, n Notice) error {
	ctx, cancel := context.WithTimeout(ctx, zabbixTime)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", z.server)
	if err != nil {
		return err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := conn.Write(z.request(n)); err != nil {
		return err
	}
	return answer(conn, z.host, itemOf(n))
}

// itemOf is the key of the item that a notice goes to: one for each host, and one
// for what is about none.
func itemOf(n Notice) string {
	if n.HostID == "" {
		return "planb.notice"
	}
	return "planb.notice[" + n.HostID + "]"
}

// value is a notice in the lines of an item.
func value(n Notice) string {
	lines := []string{string(n.Severity) + " " + string(n.Kind) + ": " + visible(n.Title)}
	for _, s := range []string{n.Cause, n.Remedy, n.URL} {
		if s != "" {
			lines = append(lines, visible(s))
		}
	}
	return strings.Join(lines, "\n")
}

func (z *trapper) request(n Notice) []byte {
	type item struct {
		Host  string `json:"host"`
		Key   string `json:"key"`
		Value string `json:"value"`
		Clock int64  `json:"clock"`
	}
	body, _ := json.Marshal(map[string]any{
		"request": "sender data", "data": []item{{z.host, itemOf(n), value(n), n.At.Unix()}},
	})
	out := binary.LittleEndian.AppendUint32([]byte(zabbixHeader), uint32(len(body)))
	return append(binary.LittleEndian.AppendUint32(out, 0), body...)
}

// answer reads what became of one value.
func answer(r io.Reader, host, item string) error {
	head := make([]byte, len(zabbixHeader)+8)
	if _, err := io.ReadFull(r, head); err != nil {
		return fmt.Errorf("it did not answer: %w", err)
	}
	size := binary.LittleEndian.Uint32(head[len(zabbixHeader):])
	if !bytes.HasPrefix(head, []byte(zabbixHeader)) || size > zabbixMost {
		return errors.New("what answers is no Zabbix server")
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(r, body); err != nil {
		return fmt.Errorf("its answer ended early: %w", err)
	}
	var got struct{ Response, Info string }
	if err := json.Unmarshal(body, &got); err != nil || got.Response != "success" {
		return fmt.Errorf("it refused: %s", visible(string(body)))
	}
	if !strings.HasPrefix(got.Info, "processed: 1;") {
		return fmt.Errorf("it has no item %s at its host %s that takes values from here: link the template PlanB, whose discovery makes it", item, host)
	}
	return nil
}
