package rsync

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// base is what every rsync of a restore has in common. The side that reads is
// always the local one, so that --fake-super is about it alone; for a target on
// this machine the other side is reached by localShell: in a local copy,
// options for one side end in protocol errors, or in nothing being copied at
// all (rsync 3.2.7 and 3.5.0).
func (r *restoring) base(letters string) []string {
	argv := []string{"rsync", letters, "--numeric-ids"}
	if r.FakeSuper {
		argv = append(argv, "--fake-super")
	}
	if r.Session != nil {
		// A receiver that cannot give files their owners is to say so.
		argv = append(argv, "--remote-option=--super")
		if r.Dest != "/" {
			argv = append(argv, "--mkpath")
		}
	}
	return append(argv, "--from0", "--files-from=-", "--stats", "--no-human-readable", "--8-bit-output", "--outbuf=L")
}

// letters are what is kept of a file. Without --chmod, which stores false modes
// under --fake-super (rsync issue 750).
func (r *restoring) letters() string {
	if r.AsSelf {
		return "-rlptH"
	}
	letters := "-rlptgoDH"
	if r.ACLs {
		letters += "A"
	}
	if r.Xattrs {
		letters += "X"
	}
	return letters
}

// rawItems makes rsync write what parseRawItem reads.
const rawItems = "--out-format=%i %l %n"

// compareArgv finds what differs, and changes nothing.
func (r *restoring) compareArgv() []string {
	argv := append(r.base(r.letters()), "--dry-run", rawItems)
	if r.Delete {
		argv = append(append(argv, "--delete"), r.protect()...)
	}
	return r.ends(argv)
}

// existsArgv tells, of a list of paths, which are there as something else; it
// changes nothing.
func (r *restoring) existsArgv() []string {
	argv := append(r.base(r.letters()), "--no-recursive", "--dirs", "--no-implied-dirs", "--dry-run", "--ignore-existing", "--info=skip1,name0")
	return r.ends(argv)
}

// freshArgv restores into a directory that held nothing when the first try
// began.
func (r *restoring) freshArgv() []string {
	argv := append(r.base(r.letters()), r.working()...)
	if r.goesOn() {
		argv = append(argv, "--filter=merge "+r.file(resumeRules))
	}
	return r.ends(argv)
}

// plannedArgv restores what the plan lists, and leaves the directories above
// alone.
func (r *restoring) plannedArgv() []string {
	argv := append(r.base(r.letters()), "--no-recursive", "--dirs", "--no-implied-dirs")
	if r.Overwrite && r.Delete {
		argv = append(argv, "--force") // a full directory may give way to a file
	}
	return r.ends(append(argv, r.working()...))
}

// working are the options of what writes.
func (r *restoring) working() []string {
	// Nobody knows any more which zeros were holes; as holes they take no room.
	argv := []string{"--sparse", "--info=progress2,name2", "--out-format=%i %n"}
	switch {
	case r.Overwrite:
	case r.goesOn():
		// Files of the earlier try get what they may lack, other names of theirs
		// among it. Strangers are left out, and what comes from now on is newer.
		argv = append(argv, "--update")
	default:
		// Whatever came there after the plan was made.
		argv = append(argv, "--ignore-existing")
	}
	if r.Session == nil {
		argv = append(argv, "--whole-file", "--temp-dir="+r.temp())
	}
	return argv
}

// deleteArgv deletes and does nothing else, but that directories which are to
// be as they were get back the time that this takes from them.
func (r *restoring) deleteArgv() []string {
	letters := "-rlD"
	if r.Overwrite {
		letters += "t"
	}
	argv := append(r.base(letters), "--no-implied-dirs", "--delete", "--existing", "--ignore-existing", "--info=del1,name0", "--out-format=%i %n")
	return r.ends(append(argv, r.protect()...))
}

// protect keeps from being deleted the directory for temporary files, and what
// backups leave out.
func (r *restoring) protect() []string {
	return []string{"--filter=protect /" + TempPrefix + "*", "--one-file-system", "--filter=merge " + r.file(spareRules)}
}

// spareRules is the file in WorkDir with the rules for what backups leave out.
const spareRules = "spare"

// spare writes it.
func (r *restoring) spare() error {
	if !r.Delete {
		return nil
	}
	filter, err := NewFilter(r.Includes, r.Excludes)
	if err != nil {
		return err
	}
	return os.WriteFile(r.file(spareRules), filter.protecting().Bytes(), 0o600)
}

// ends adds the way to the target, and both ends.
func (r *restoring) ends(argv []string) []string {
	source, dest := filepath.Clean(r.Source)+"/", strings.TrimSuffix(filepath.Clean(r.Dest), "/")+"/"
	if r.Session == nil {
		if r.KeepFake {
			argv = append(argv, "--remote-option=--fake-super")
		}
		// The working directory: in a name, the receiving rsync takes * ? and [ for
		// a pattern, and may restore to another place that fits it.
		return append(argv, "--secluded-args", "--rsh="+localShell, "--", source, "localhost:./")
	}
	shell, _ := r.Session.RsyncShell() // checked by Open
	argv = append(argv, "--rsh="+shell)
	if r.Sudo {
		argv = append(argv, "--rsync-path=sudo -n rsync")
	}
	return append(argv, "--", source, bracket(r.Session.Target.Address)+":"+dest)
}

// runOneFrom runs rsync once with list as its standard input.
func (r *restoring) runOneFrom(ctx context.Context, argv []string, list io.Reader, onRaw func(string) bool) (Result, error) {
	if r.Session != nil {
		if _, err := r.Session.RsyncShell(); err != nil {
			return Result{}, err
		}
	}
	t := transfer{
		name: "restore", argv: argv, stdin: list, options: r.options, onRaw: onRaw,
		messages: messages{dest: strings.TrimSuffix(r.Dest, "/"), source: filepath.Clean(r.Source)},
	}
	if r.Session != nil {
		t.target, t.name = &r.Session.Target, r.Session.Target.Alias
		return t.run(ctx)
	}
	var err error
	if t.dir, err = r.workingDir(); err != nil {
		return Result{}, err
	}
	if real, err := filepath.EvalSymlinks(t.dir); err == nil {
		t.messages.dest = real // as rsync has it in messages
	}
	return t.run(ctx)
}

// workingDir is the local target; for a dry run to one that is not there yet, an
// empty directory.
func (r *restoring) workingDir() (string, error) {
	if _, err := os.Stat(r.Dest); !r.DryRun || !errors.Is(err, fs.ErrNotExist) {
		return r.Dest, nil
	}
	empty := r.file("nothing")
	return empty, os.MkdirAll(empty, 0o700)
}
