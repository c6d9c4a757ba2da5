package devstack

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
)

// Loopback is the address that everything here listens on.
const Loopback = "127.0.0.1"

// Ports are taken from below Linux's range for outgoing connections (32768 and
// up), so that no client of this machine sits on one while its owner restarts.
const firstPort, lastPort = 20000, 31999

var (
	takenMu sync.Mutex
	taken   = map[int]bool{} // given out by this program, perhaps not yet listened on
)

// ports keeps a component's ports in a file: they stay the same over a
// restart where they can, since configurations and host records name them.
type ports struct {
	file string
	m    map[string]int
}

func loadPorts(dir string) *ports {
	p := &ports{file: filepath.Join(dir, "ports.json"), m: map[string]int{}}
	if b, err := os.ReadFile(p.file); err == nil {
		_ = json.Unmarshal(b, &p.m) // a torn file means new ports
	}
	return p
}

// pick gives the port called name: want when it is not 0, else the one of the
// last time if nobody listens there, else a free one.
func (p *ports) pick(name, addr string, want int) (int, error) {
	if want != 0 {
		if !canListen(addr, want) {
			return 0, fmt.Errorf("port %d of %s is taken: choose another, or let a free one be found", want, addr)
		}
		p.m[name] = want
		return want, nil
	}
	if last := p.m[name]; last != 0 && canListen(addr, last) {
		return last, nil
	}
	port, err := FreePort(addr)
	p.m[name] = port
	return port, err
}

func (p *ports) save() error {
	b, err := json.Marshal(p.m)
	if err != nil {
		return err
	}
	if err := ownDir(filepath.Dir(p.file)); err != nil {
		return err
	}
	return writeFile(p.file, append(b, '\n'), 0o600)
}

// FreePort gives a TCP port of addr that nobody listens on, never the same one
// twice to one program.
func FreePort(addr string) (int, error) {
	takenMu.Lock()
	defer takenMu.Unlock()
	for range 1000 {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		if !taken[port] && canListen(addr, port) {
			taken[port] = true
			return port, nil
		}
	}
	return 0, fmt.Errorf("no free port between %d and %d on %s", firstPort, lastPort, addr)
}

func canListen(addr string, port int) bool {
	l, err := net.Listen("tcp", net.JoinHostPort(addr, strconv.Itoa(port)))
	if err != nil {
		return false
	}
	return l.Close() == nil
}

func hostPort(port int) string { return net.JoinHostPort(Loopback, strconv.Itoa(port)) }
