package devstack

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// identity names one process for good: a process id alone may belong to
// another program by the time that it is read from a file.
type identity struct {
	PID int `json:"pid"`
	// Started is in clock ticks since boot (proc(5), field 22 of stat).
	Started uint64 `json:"started"`
	Boot    string `json:"boot"`
}

// identify gives the identity of a living process.
func identify(pid int) (identity, error) {
	st, err := readStat(pid)
	if err != nil {
		return identity{}, err
	}
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return identity{}, err
	}
	return identity{PID: pid, Started: st.started, Boot: strings.TrimSpace(string(boot))}, nil
}

// alive says whether that very process still runs; a zombie does not.
func (id identity) alive() bool {
	if id.PID <= 0 {
		return false
	}
	now, err := identify(id.PID)
	return err == nil && now == id
}

// signal reaches the process only if it is still the same one.
func (id identity) signal(sig syscall.Signal) error {
	if !id.alive() {
		return nil
	}
	if err := syscall.Kill(id.PID, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("send %s to process %d: %w", sig, id.PID, err)
	}
	return nil
}

func writeIdentity(path string, id identity) error {
	b, err := json.Marshal(id)
	if err != nil {
		return err
	}
	return writeFile(path, append(b, '\n'), 0o600)
}

// readIdentity gives the zero identity, which is never alive, for a file that
// is missing or that no process wrote to its end.
func readIdentity(path string) identity {
	var id identity
	b, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(b, &id) != nil {
		return identity{}
	}
	return id
}

type procStat struct {
	parent  int
	started uint64
}

var errGone = errors.New("process is gone")

func readStat(pid int) (procStat, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return procStat{}, errGone
	}
	// The name in parentheses may hold spaces and parentheses itself.
	s := string(b)
	f := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
	if len(f) < 20 {
		return procStat{}, fmt.Errorf("unexpected /proc/%d/stat: %q", pid, s)
	}
	if f[0] == "Z" || f[0] == "X" {
		return procStat{}, errGone
	}
	parent, err := strconv.Atoi(f[1])
	if err != nil {
		return procStat{}, err
	}
	started, err := strconv.ParseUint(f[19], 10, 64)
	return procStat{parent: parent, started: started}, err
}

// descendants gives every process below pid. Sessions of sshd and the workers
// of PostgreSQL leave the process group of their parent, so the group alone
// does not reach them.
func descendants(pid int) []identity {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	children := map[int][]int{}
	for _, e := range entries {
		p, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		if st, err := readStat(p); err == nil {
			children[st.parent] = append(children[st.parent], p)
		}
	}
	var out []identity
	queue := children[pid]
	for len(queue) > 0 {
		p := queue[0]
		queue = append(queue[1:], children[p]...)
		if id, err := identify(p); err == nil {
			out = append(out, id)
		}
	}
	return out
}
