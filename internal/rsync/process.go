package rsync

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// groupMember is a live process of a process group.
type groupMember struct {
	pid  int
	name string
}

// groupMembers lists the live processes of a process group. Zombies are not
// among them: they hold nothing, and in a container nobody may ever reap them.
func groupMembers(pgid int) []groupMember {
	var members []groupMember
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		b, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		// pid (comm) state ppid pgrp …; comm may hold anything.
		s := string(b)
		first, last := strings.IndexByte(s, '('), strings.LastIndexByte(s, ')')
		if first < 0 || last < first {
			continue
		}
		f := strings.Fields(s[last+1:])
		if len(f) < 3 || f[0] == "Z" || f[0] == "X" || f[2] != strconv.Itoa(pgid) {
			continue
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		members = append(members, groupMember{pid: pid, name: s[first+1 : last]})
	}
	return members
}

// groupActivity is how many bytes the rsyncs of a group have read and written
// so far, of files and pipes together. It grows where rsync has nothing to
// report: while it reads its own copy of a very large file to find what
// changed. ssh is left out, since its keep-alives are no progress.
func groupActivity(pgid int) int64 {
	var sum int64
	for _, m := range groupMembers(pgid) {
		if m.name != "rsync" {
			continue
		}
		b, err := os.ReadFile("/proc/" + strconv.Itoa(m.pid) + "/io")
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			if key, value, _ := strings.Cut(line, ": "); key == "rchar" || key == "wchar" {
				n, _ := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
				sum += n
			}
		}
	}
	return sum
}

// endGroup kills what is left of a process group and says whether any was.
func endGroup(pgid int) bool {
	if pgid <= 1 || len(groupMembers(pgid)) == 0 {
		return false
	}
	_ = syscall.Kill(-pgid, syscall.SIGKILL)
	return true
}
