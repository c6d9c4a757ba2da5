package harness

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Process is one that runs now.
type Process struct {
	PID, Group int
	Argv       []string
}

// Processes are those that run and that match. Zombies run no more.
func Processes(match func(Process) bool) []Process {
	var found []Process
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		stat, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		// pid (comm) state ppid pgrp …; comm may hold anything.
		s := string(stat)
		f := strings.Fields(s[strings.LastIndexByte(s, ')')+1:])
		line, err := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
		if err != nil || len(f) < 3 || f[0] == "Z" || len(line) == 0 {
			continue
		}
		p := Process{Argv: strings.Split(string(bytes.TrimRight(line, "\x00")), "\x00")}
		p.PID, _ = strconv.Atoi(filepath.Base(filepath.Dir(file)))
		p.Group, _ = strconv.Atoi(f[2])
		if match(p) {
			found = append(found, p)
		}
	}
	return found
}

// writesTo says that p is an rsync, or the ssh of one, which writes below dir.
func writesTo(dir string) func(Process) bool {
	return func(p Process) bool {
		return p.Argv[0] == "rsync" && strings.HasPrefix(p.Argv[len(p.Argv)-1], dir)
	}
}

// Writers are the rsyncs that write below dir.
func Writers(dir string) []Process { return Processes(writesTo(dir)) }

// Groups are the process groups of ps: one for each transfer.
func Groups(ps []Process) []int {
	var groups []int
	known := map[int]bool{}
	for _, p := range ps {
		if !known[p.Group] {
			known[p.Group] = true
			groups = append(groups, p.Group)
		}
	}
	return groups
}

// Watch counts the transfers that write below dir, again and again until the
// test ends, and gives the most that it ever saw at once.
func Watch(t testing.TB, dir string) (most func() int) {
	var mu sync.Mutex
	top := 0
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(25 * time.Millisecond)
		defer tick.Stop()
		for {
			n := len(Groups(Writers(dir)))
			mu.Lock()
			top = max(top, n)
			mu.Unlock()
			select {
			case <-done:
				return
			case <-tick.C:
			}
		}
	})
	t.Cleanup(func() { close(done); running.Wait() })
	return func() int {
		mu.Lock()
		defer mu.Unlock()
		return top
	}
}
