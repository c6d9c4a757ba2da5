package zfs

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"planb/internal/command"
)

// The kinds of failure that callers decide on, for errors.Is.
var (
	// ErrNotExist is a dataset, snapshot or pool that is not there.
	ErrNotExist = errors.New("does not exist")
	// ErrExists is a dataset or snapshot that is there already.
	ErrExists = errors.New("exists already")
	// ErrBusy is something in use: held, cloned, mounted and open, or with children.
	ErrBusy = errors.New("is in use")
	// ErrNoSpace is a full pool or quota.
	ErrNoSpace = errors.New("has no space left")
	// ErrPermission is a refusal by ZFS or by sudo.
	ErrPermission = errors.New("permission denied")
	// ErrNotRunning is a machine without a working ZFS.
	ErrNotRunning = errors.New("zfs is not running: start zfs-fuse or load the zfs module")

	// Kinds that never leave the package.
	errMounted     = errors.New("is mounted already")
	errNotMounted  = errors.New("is not mounted")
	errTagThere    = errors.New("has this hold already")
	errTagMissing  = errors.New("does not have this hold")
	errBadOption   = errors.New("option not known here")
	errBadProperty = errors.New("property not known here")
	errBadName     = errors.New("name not understood here")
)

// Error is a call of zfs or zpool that failed.
type Error struct {
	// Kind is one of the Err variables; nil when the message is not known.
	Kind error
	// Name is the dataset, snapshot or pool it is about, where known. For a
	// parent that is missing it is the parent's.
	Name string
	// Message is the line of standard error that told the kind, else all of it.
	Message string
	// Cmd is the program's own error; nil when no program was run.
	Cmd *command.Error
}

// Error says in one sentence what is wrong and, where that is known, what to do.
func (e *Error) Error() string {
	switch {
	case e.Kind == ErrNotRunning && notInstalled(e.Cmd) && e.Cmd.Argv[0] == "sudo":
		return "sudo is not installed: install it, or run PlanB as root"
	case e.Kind == ErrNotRunning && notInstalled(e.Cmd):
		return "zfs is not installed: install zfsutils-linux with its module, or zfs-fuse (" + e.Cmd.Error() + ")"
	case e.Kind == ErrNotRunning:
		return ErrNotRunning.Error()
	case e.Kind == ErrPermission:
		return "zfs: " + e.Message + ": run as root, allow it with sudo, or with zfs allow"
	case e.Kind == ErrNotExist && e.Name != "" && !strings.ContainsAny(e.Name, "/@"):
		return "ZFS pool " + e.Name + " is not there: import or create it, or correct its name"
	case e.Kind == ErrBusy && e.Name != "":
		return e.what() + " is in use: " + e.Message
	case e.Kind != nil && e.Name != "":
		return e.what() + " " + e.Kind.Error()
	case e.Message != "":
		return "zfs: " + e.Message
	}
	return e.Cmd.Error()
}

func (e *Error) what() string {
	if strings.Contains(e.Name, "@") {
		return "snapshot " + e.Name
	}
	return "dataset " + e.Name
}

// Unwrap gives the kind and the program's error.
func (e *Error) Unwrap() []error {
	var errs []error
	if e.Kind != nil {
		errs = append(errs, e.Kind)
	}
	if e.Cmd != nil {
		errs = append(errs, e.Cmd)
	}
	return errs
}

// messages are texts of OpenZFS, zfs-fuse, umount and sudo, and what they mean.
// A line takes the first that it contains; the first line that has one decides.
var messages = []struct {
	text string
	kind error
}{
	{"connect: permission denied", ErrPermission},
	{"failed to initialize zfs library", ErrNotRunning},
	{"make sure that the zfs-fuse daemon is running", ErrNotRunning},
	{"zfs modules are not loaded", ErrNotRunning},
	{"zfs modules cannot be auto-loaded", ErrNotRunning},
	{"/dev/zfs and /proc/self/mounts are required", ErrNotRunning},
	{"connect: ", ErrNotRunning},
	{"a password is required", ErrPermission},
	{"a terminal is required", ErrPermission},
	{"is not in the sudoers file", ErrPermission},
	{"is not allowed to execute", ErrPermission},
	{"may not run sudo", ErrPermission},
	{"permission denied", ErrPermission},
	{"insufficient privileges", ErrPermission},
	{"operation not permitted", ErrPermission},
	{"must be superuser", ErrPermission},
	{"must be root", ErrPermission},
	{"command not found", ErrNotRunning},
	{"tag already exists on this dataset", errTagThere},
	{"no such tag on this dataset", errTagMissing},
	{"filesystem already mounted", errMounted},
	{"not currently mounted", errNotMounted},
	{"invalid option", errBadOption},
	{"unrecognized command", errBadOption},
	{"invalid property", errBadProperty},
	{"invalid dataset name", errBadName},
	{"invalid character", errBadName},
	{"parent does not exist", ErrNotExist},
	{"dataset does not exist", ErrNotExist},
	{"no such pool", ErrNotExist},
	{"could not find any snapshots to destroy", ErrNotExist},
	{"dataset already exists", ErrExists},
	{"snapshot already exists", ErrExists},
	{"pool already exists", ErrExists},
	{"pool or dataset exists", ErrExists},
	{"is busy", ErrBusy},
	{"has dependent clones", ErrBusy},
	{"snapshot is cloned", ErrBusy},
	{"has children", ErrBusy},
	{"out of space", ErrNoSpace},
	{"no space left on device", ErrNoSpace},
	{"quota exceeded", ErrNoSpace},
}

// classify turns the error of a program into an *Error. Errors of the context
// stay findable, as part of Cmd.
func classify(err error) error {
	var cmd *command.Error
	if !errors.As(err, &cmd) {
		return err
	}
	e := &Error{Cmd: cmd, Message: strings.Join(strings.Fields(cmd.Stderr), " ")}
	if notInstalled(cmd) {
		e.Kind = ErrNotRunning
		return e
	}
	for line := range strings.Lines(cmd.Stderr) {
		lower := strings.ToLower(line)
		for _, m := range messages {
			if strings.Contains(lower, m.text) {
				e.Kind, e.Message, e.Name = m.kind, strings.TrimSpace(line), subject(line)
				if m.text == "parent does not exist" {
					e.Name = parentOf(e.Name)
				}
				return e
			}
		}
	}
	return e
}

// notInstalled is a program that is not there, by name or by path.
func notInstalled(cmd *command.Error) bool {
	return cmd != nil && cmd.Code < 0 && (command.NotFound(cmd) || errors.Is(cmd, os.ErrNotExist))
}

var (
	quotedName = regexp.MustCompile(`'([^']+)'`)
	bareName   = regexp.MustCompile(`^cannot \w+ snapshots? (?:in )?([^\s']+): `)
	poolName   = regexp.MustCompile(`no such pool '([^']+)'`)
	tagAndName = regexp.MustCompile(`'[^']*' from '([^']+)'`)
)

// subject is the name that a message of zfs is about: in quotes, or, in some
// messages of OpenZFS about snapshots, bare.
func subject(line string) string {
	for _, re := range []*regexp.Regexp{poolName, tagAndName, bareName, quotedName} {
		if m := re.FindStringSubmatch(line); m != nil {
			return m[1]
		}
	}
	return ""
}

// about gives err the name that the caller asked for, where the message had none.
func about(name string, err error) error {
	var e *Error
	if errors.As(err, &e) && e.Name == "" {
		e.Name = name
	}
	return err
}

// unrecognised is the error for output that this package does not understand.
func unrecognised(program, line string) error {
	return fmt.Errorf("%s printed a line that PlanB does not understand: %q", program, line)
}
