package sshx

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Names of the files that Open writes.
const (
	configFile         = "ssh_config"
	knownHostsFile     = "known_hosts"
	jumpKnownHostsFile = "jump_known_hosts"
	jumpName           = "planb-jump-host"
)

// Session is a target whose ssh configuration is written down, so that one
// short command reaches it: by PlanB, by rsync, or by an operator who wants to
// see for himself (`ssh -F <dir>/ssh_config <address>`).
type Session struct {
	Target Target
	dir    string
}

// Open writes the configuration and the known hosts of t into dir, made when
// it is not there, both readable by the owner alone. Nothing is connected yet.
// No file of the user or of the system has a say (ssh_config, known_hosts).
func Open(t Target, dir string) (*Session, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	if !pathRE.MatchString(dir) {
		return nil, fmt.Errorf("ssh cannot keep its files in %q: use a path of letters, digits, spaces and ._+@:,=~-", dir)
	}
	s := &Session{Target: t, dir: dir}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	var config bytes.Buffer
	if t.JumpHost != "" {
		j, err := t.jump()
		if err != nil {
			return nil, err
		}
		if err := s.writeKnownHosts(jumpKnownHostsFile, j); err != nil {
			return nil, err
		}
		s.writeJump(&config, j)
	}
	if err := s.writeKnownHosts(knownHostsFile, t); err != nil {
		return nil, err
	}
	s.writeTarget(&config)
	if err := writeFile(filepath.Join(dir, configFile), config.Bytes()); err != nil {
		return nil, err
	}
	return s, nil
}

// Argv gives ssh and its options, up to and with the "--" that ends them: what
// follows is the address and the remote command.
func (s *Session) Argv() []string {
	return []string{"ssh", "-F", filepath.Join(s.dir, configFile), "--"}
}

// Command gives the argv that runs remote, one string that the login shell of
// the remote user reads.
func (s *Session) Command(remote string) []string {
	return append(s.Argv(), s.Target.Address, remote)
}

// RsyncShell gives Argv as the one string that rsync's --rsh takes. rsync
// splits it at spaces and knows quotes but no escapes; Open has refused every
// path that this cannot express, and it is checked once more.
func (s *Session) RsyncShell() (string, error) {
	var words []string
	for _, w := range s.Argv() {
		if strings.ContainsAny(w, "'\"\\\n\x00") || w == "" {
			return "", fmt.Errorf("rsync cannot be given the ssh option %q: use a path without quotes and backslashes", w)
		}
		if strings.ContainsAny(w, " \t") {
			w = "'" + w + "'"
		}
		words = append(words, w)
	}
	return strings.Join(words, " "), nil
}

// HostKeys gives the host keys that the known hosts hold now: the pinned ones,
// or those learned at first contact, to be pinned by the caller.
func (s *Session) HostKeys() ([]string, error) {
	return readKnownHosts(filepath.Join(s.dir, knownHostsFile))
}

// JumpHostKeys gives those of the jump host; none without one.
func (s *Session) JumpHostKeys() ([]string, error) {
	return readKnownHosts(filepath.Join(s.dir, jumpKnownHostsFile))
}

func (s *Session) writeTarget(w *bytes.Buffer) {
	fmt.Fprintf(w, "Host *\n")
	if s.Target.JumpHost != "" {
		// Not ProxyJump: that gives the jump host the target's options.
		fmt.Fprintf(w, "\tProxyCommand ssh -F '%s' -W [%%h]:%%p -- %s\n", filepath.Join(s.dir, configFile), jumpName)
	}
	s.writeLogin(w, s.Target, knownHostsFile)
	// A connection that hangs ends after a minute. A shared master connection
	// would outlive the run and hold its descriptors, so there is none.
	fmt.Fprint(w, `	BatchMode yes
	CheckHostIP no
	ConnectTimeout 20
	ControlMaster no
	ControlPath none
	ForwardAgent no
	ForwardX11 no
	GlobalKnownHostsFile /dev/null
	HashKnownHosts no
	KbdInteractiveAuthentication no
	LogLevel ERROR
	PasswordAuthentication no
	PermitLocalCommand no
	RequestTTY no
	ServerAliveCountMax 4
	ServerAliveInterval 15
	TCPKeepAlive yes
	UpdateHostKeys no
`)
}

// writeJump comes before the target's section, since ssh takes the first value
// that it finds for a setting.
func (s *Session) writeJump(w *bytes.Buffer, j Target) {
	fmt.Fprintf(w, "Host %s\n\tHostName %s\n\tProxyCommand none\n", jumpName, strings.ReplaceAll(j.Address, "%", "%%"))
	s.writeLogin(w, j, jumpKnownHostsFile)
}

func (s *Session) writeLogin(w *bytes.Buffer, t Target, known string) {
	fmt.Fprintf(w, "\tHostKeyAlias %s\n\tUserKnownHostsFile \"%s\"\n\tPort %d\n", t.name(), filepath.Join(s.dir, known), t.port())
	strict := "yes"
	if len(t.HostKeys) == 0 {
		strict = "accept-new"
	}
	fmt.Fprintf(w, "\tStrictHostKeyChecking %s\n", strict)
	if t.User != "" {
		fmt.Fprintf(w, "\tUser %s\n", t.User)
	}
	if t.KeyFile != "" {
		fmt.Fprintf(w, "\tIdentityFile \"%s\"\n\tIdentitiesOnly yes\n\tIdentityAgent none\n", t.KeyFile)
	}
}

// writeKnownHosts starts from the pinned keys alone: what an earlier session
// learned and nobody pinned does not count.
func (s *Session) writeKnownHosts(name string, t Target) error {
	var b bytes.Buffer
	for _, k := range t.HostKeys {
		fmt.Fprintf(&b, "%s %s\n", strings.ToLower(t.name()), k)
	}
	return writeFile(filepath.Join(s.dir, name), b.Bytes())
}

func readKnownHosts(file string) ([]string, error) {
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var keys []string
	for sc := bufio.NewScanner(bytes.NewReader(b)); sc.Scan(); {
		if f := strings.Fields(sc.Text()); len(f) >= 3 {
			keys = append(keys, f[1]+" "+f[2])
		}
	}
	return keys, nil
}

// writeFile replaces file in one step, since another session of the same host
// may be reading it.
func writeFile(file string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err2 := f.Close(); err == nil {
		err = err2
	}
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
