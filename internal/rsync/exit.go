package rsync

import (
	"errors"
	"fmt"
	"strings"
	"syscall"

	"planb/internal/sshx"
)

// end is what an exit code means.
type end struct {
	state   State
	kind    Type
	retry   bool
	message string
	remedy  string
}

// ends has rsync's exit codes (errcode.h, and those of the shell and of ssh
// that it hands on). Messages follow the name of the host: "acme/web1: …".
// What standard error says comes first, see conclude.
var ends = map[int]end{
	0:   {OK, TypeOK, false, "", ""},
	1:   {Failed, TypeUsage, false, "rsync refused its command line", "compare the rsync versions and the host's extra flags"},
	2:   {Failed, TypeShell, false, "the two rsyncs do not understand each other", "check that the remote login prints nothing by itself, and the remote rsync's version"},
	3:   {Failed, TypeFiles, false, "rsync could not start on its source or destination directory", "check that the dataset is mounted and that the includes exist on the host"},
	4:   {Failed, TypeUsage, false, "the remote rsync lacks something that was asked for", "install a newer rsync on the host, or turn off ACLs or extended attributes for it"},
	5:   {Failed, TypeModule, false, "the rsync daemon refused the connection", "check the module, user and password file"},
	6:   {Failed, TypeModule, false, "the rsync daemon cannot write its log", "make room for the daemon's log on the host"},
	10:  {Failed, TypeNetwork, true, "the network connection failed", ""},
	11:  {Failed, TypeIO, false, "reading or writing a file failed", "look at the run's log for the file, and at both disks"},
	12:  {Failed, TypeNetwork, true, "the connection ended in the middle of the transfer", "check the network between here and the host, and whether something ended rsync there"},
	13:  {Failed, TypeInternal, false, "rsync could not write its messages", "look for room where the run's log is kept"},
	14:  {Failed, TypeInternal, true, "rsync could not talk to its own processes", ""},
	15:  {Failed, TypeInternal, true, "one of rsync's processes crashed", ""},
	16:  {Failed, TypeInternal, true, "one of rsync's processes ended by surprise", ""},
	19:  {Failed, TypeKilled, true, "rsync was told to stop by a signal", ""},
	20:  {Failed, TypeKilled, true, "rsync was told to stop by a signal", ""},
	21:  {Failed, TypeInternal, true, "rsync lost track of its own processes", ""},
	22:  {Failed, TypeInternal, false, "rsync ran out of memory", "look at the memory of both machines, or raise --max-alloc"},
	23:  {Partial, TypePartial, false, "some files could not be taken", "look at the list of failed files"},
	24:  {Warning, TypeVanished, false, "some files vanished before they could be taken", ""},
	25:  {Partial, TypeGuard, false, "more files than allowed would have been deleted, so the rest was left", "look at what is gone from the host, then accept or reject it"},
	30:  {Failed, TypeNetwork, true, "the transfer timed out", ""},
	35:  {Failed, TypeNetwork, true, "the rsync daemon did not answer in time", ""},
	124: {Failed, TypeInternal, true, "the remote command failed", ""},
	125: {Failed, TypeKilled, true, "the remote rsync was killed", ""},
	126: {Failed, TypeNoRsync, false, "the remote rsync cannot be run", "check the permissions of the remote rsync, and the path set for it"},
	127: {Failed, TypeNoRsync, false, "the host has no rsync", "install rsync there, or set the path of the remote rsync"},
	137: {Failed, TypeKilled, true, "the remote rsync was killed", ""},
	143: {Failed, TypeKilled, true, "the remote rsync was told to stop", ""},
	255: {Failed, TypeNetwork, true, "the ssh connection failed", ""},
}

// conclude decides what the end of rsync means: from its code, and before that
// from what was said, since one code stands for many causes.
func (m *messages) conclude(name string, target *sshx.Target, code int, signal syscall.Signal) {
	r := m.result
	r.Code = code
	e, known := ends[code]
	switch {
	case signal != 0:
		e = end{Failed, TypeKilled, true, fmt.Sprintf("rsync was ended by the signal %q", signal), ""}
	case !known:
		e = end{Failed, TypeInternal, false, fmt.Sprintf("rsync ended with the unknown code %d", code), "look at the run's log"}
	}
	whole := false
	if e.state == Failed || code == 23 {
		e, whole = m.cause(e, target, code)
	}
	if code == 23 && e.state == Partial {
		e = m.partialEnd(e)
	}
	if code == 24 {
		e.message = fmt.Sprintf("%s vanished before they could be taken", count(r.VanishedCount, "file", "files"))
	}
	if code == 25 && m.refused > 0 {
		e.message = fmt.Sprintf("the limit of deletions was reached, and %s that are gone from the host were kept", count(m.refused, "file", "files"))
	}
	if code == 0 && r.DeletesSkipped {
		e = end{Partial, TypePartial, false, "reading the host had errors, so nothing was deleted", "look at the run's log"}
	}
	r.State, r.Type, r.Retry, r.Remedy = e.state, e.kind, e.retry, e.remedy
	r.Message = e.message
	if e.message != "" && !whole {
		r.Message = name + ": " + e.message
	}
}

// cause looks for what the messages say about the reason of e; whole says that
// the message it gives is a sentence that names the host.
func (m *messages) cause(e end, target *sshx.Target, code int) (_ end, whole bool) {
	if m.noSpace != "" {
		return end{Failed, TypeNoSpace, false, "the storage is full (" + m.noSpace + ")", "make room in the pool or raise the dataset's quota"}, false
	}
	if code == 23 {
		return e, false
	}
	if target != nil {
		if ce := sshx.Classify(*target, strings.Join(m.unsorted, "\n")); ce != nil {
			return connectEnd(ce), true
		}
	}
	if line := m.says("planb-sender: refused: "); line != "" {
		return end{Failed, TypeUsage, false, "the key may not run this rsync there (" + line + ")", "install this version's planb-sender on the host, or compare the host's settings with docs/hosts.md"}, false
	}
	if line := m.says("planb-receiver: refused: "); line != "" {
		return end{Failed, TypeRefused, false, "the key for restores may not do this there (" + line + ")", "see docs/restore.md for what its line in authorized_keys on the host can allow"}, false
	}
	for _, c := range causes {
		if m.says(c.texts...) != "" {
			return c.end, false
		}
	}
	if line := m.says("failed to connect to", "getaddrinfo: "); line != "" {
		return end{Failed, TypeUnreachable, true, "the rsync daemon is unreachable (" + line + ")", "check that it is up, its address and port, and the firewall"}, false
	}
	if m.says("unexpectedly closed (0 bytes received so far)") != "" {
		e.message, e.remedy = "the host ended the connection before rsync began", "check the forced command of the key and the login shell there"
	}
	if n := len(m.unsorted); n > 0 {
		// What the host or ssh said last, in its own words.
		e.message += " (" + m.unsorted[n-1] + ")"
	}
	return e, false
}

// causes are texts of other programs and of rsync's daemon that tell more than
// the exit code.
var causes = []struct {
	texts []string
	end   end
}{
	{
		[]string{"sudo: a password is required", "sudo: a terminal is required", "is not in the sudoers", "is not allowed to execute", "sudo: sorry", "sudo: no tty present"},
		end{Failed, TypeSudo, false, "sudo does not let this user run rsync without a password", "add the sudoers rule for rsync on the host"},
	},
	{
		[]string{"sudo: command not found", "sudo: not found", "sudo: No such file"},
		end{Failed, TypeSudo, false, "the host has no sudo", "install sudo there, or turn it off for this host"},
	},
	{
		[]string{"ionice: command not found", "ionice: not found", "ionice: No such file"},
		end{Failed, TypeNoRsync, false, "the host has no ionice", "install util-linux there, or turn ionice off for this host"},
	},
	{
		[]string{"rsync: command not found", "rsync: not found", "rsync: No such file or directory"},
		ends[127],
	},
	{
		[]string{"@ERROR: max connections"},
		end{Failed, TypeNetwork, true, "the rsync daemon has too many connections", ""},
	},
	{
		[]string{"@ERROR: Unknown module"},
		end{Failed, TypeModule, false, "the rsync daemon has no such module", "check the module's name"},
	},
	{
		[]string{"@ERROR: auth failed", "password mismatch"},
		end{Failed, TypeModule, false, "the rsync daemon refused the user or the password", "check the user and the password file"},
	},
	{[]string{"protocol version mismatch"}, ends[2]},
}

// connectEnd takes over what sshx found; its message is a whole sentence.
func connectEnd(ce *sshx.ConnectError) end {
	e := end{state: Failed, kind: TypeNetwork, retry: ce.Retryable(), message: ce.Message}
	switch {
	case errors.Is(ce, sshx.ErrHostKeyChanged):
		e.kind = TypeHostKey
	case errors.Is(ce, sshx.ErrAuthRefused):
		e.kind = TypeAuth
	case errors.Is(ce, sshx.ErrUnreachable):
		e.kind = TypeUnreachable
	}
	return e
}

// partialEnd weighs an exit code 23: it is as bad as the errors that nobody
// expected.
func (m *messages) partialEnd(e end) end {
	r := m.result
	unexpected := r.FailedCount - r.ToleratedCount
	switch {
	case r.Stats == nil || r.Stats.FilesTotal == 0:
		// Not even the root could be read: there is nothing to snapshot.
		e = ends[3]
		if f := m.firstFailed(); f.Path != "" {
			e.message = fmt.Sprintf("rsync could not start (%s: %s)", f.Path, f.Reason)
		}
		return e
	case unexpected > 0:
		e.message = fmt.Sprintf("%s could not be taken (%s: %s)", count(unexpected, "file", "files"), m.firstFailed().Path, m.firstFailed().Reason)
	case len(m.general) > 0:
		e.message = "some files could not be taken (" + m.general[0] + ")"
	case r.ToleratedCount > 0:
		e = end{Warning, TypeVanished, false, count(r.ToleratedCount, "tolerated file", "tolerated files") + " could not be taken", ""}
	}
	if r.DeletesSkipped {
		// Even when each error is tolerated: the dataset holds files that the
		// host has not any more, and somebody should know.
		e.message += ", and because reading had errors nothing was deleted"
	}
	return e
}

func (m *messages) firstFailed() FileError {
	for _, f := range m.result.Failed {
		if !f.Tolerated {
			return f
		}
	}
	return FileError{}
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
