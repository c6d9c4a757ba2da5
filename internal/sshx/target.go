// Package sshx reaches hosts through the OpenSSH client: one private
// configuration per host, pinned host keys, a probe, and typed errors.
package sshx

import (
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
)

// Target is a host as ssh reaches it.
type Target struct {
	// Alias is what people call the host, group/name; the host key is pinned
	// under it, so that a new address does not look like a new host.
	Alias string
	// Address is a host name or an IP address, IPv6 without brackets.
	Address string
	// Port is 22 when 0.
	Port int
	// User to log in as; empty means the user that PlanB runs as.
	User string
	// KeyFile is a private key on this machine; empty leaves the choice to
	// ssh (its default files and the agent).
	KeyFile string
	// HostKeys are the pinned public keys, "ssh-ed25519 AAAA…", any of which
	// may answer. With none, the first one that answers is learned.
	HostKeys []string
	// JumpHost is "[user@]address[:port]" of a host to go through; empty means
	// straight. JumpHostKeys are its pinned keys, as HostKeys.
	JumpHost     string
	JumpHostKeys []string
}

var (
	aliasRE   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]*$`)
	addressRE = regexp.MustCompile(`^[A-Za-z0-9_:][A-Za-z0-9._:%-]*$`)
	userRE    = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._@$-]*$`)
	keyRE     = regexp.MustCompile(`^[a-z0-9][a-z0-9@.-]* [A-Za-z0-9+/]+=*$`)
	// pathRE is what may stand in an ssh configuration and in rsync's -e
	// string, neither of which has escapes for everything.
	pathRE = regexp.MustCompile(`^/[A-Za-z0-9/._+@:,=~ -]*$`)
)

// name is how messages call the host.
func (t Target) name() string {
	if t.Alias != "" {
		return t.Alias
	}
	return t.Address
}

// port gives the port that is really used.
func (t Target) port() int {
	if t.Port == 0 {
		return 22
	}
	return t.Port
}

// check refuses what could be read as an option or break out of a line of the
// configuration. The surfaces check the same with kinder words; here it is
// about safety.
func (t Target) check() error {
	switch {
	case t.Alias != "" && !aliasRE.MatchString(t.Alias):
		return fmt.Errorf("%q is not usable as a host's name for ssh: use letters, digits, dots, dashes and one slash", t.Alias)
	case !addressRE.MatchString(t.Address):
		return fmt.Errorf("%q is not an address: give a host name or an IP address", t.Address)
	case strings.Contains(t.Address, ":") && net.ParseIP(strings.SplitN(t.Address, "%", 2)[0]) == nil:
		return fmt.Errorf("%q is not an address: the port is a setting of its own", t.Address)
	case t.Port < 0 || t.Port > 65535:
		return fmt.Errorf("%d is not a port: give a number from 1 to 65535", t.Port)
	case t.User != "" && !userRE.MatchString(t.User):
		return fmt.Errorf("%q is not a user name: use letters, digits, dots, dashes and underscores", t.User)
	case t.KeyFile != "" && !pathRE.MatchString(t.KeyFile):
		return fmt.Errorf("ssh cannot be given the key file %q: use an absolute path of letters, digits, spaces and ._+@:,=~-", t.KeyFile)
	}
	for _, k := range append(append([]string{}, t.HostKeys...), t.JumpHostKeys...) {
		if !keyRE.MatchString(k) {
			return fmt.Errorf("%q is not a host key: give its type and its base64 text, as in \"ssh-ed25519 AAAA…\"", k)
		}
	}
	return nil
}

// jump gives the jump host as a target of its own.
func (t Target) jump() (Target, error) {
	j := Target{Alias: "jump/" + t.name(), KeyFile: t.KeyFile, HostKeys: t.JumpHostKeys}
	rest := t.JumpHost
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		j.User, rest = rest[:i], rest[i+1:]
	}
	j.Address = rest
	if host, port, err := net.SplitHostPort(rest); err == nil {
		n, err := strconv.Atoi(port)
		if err != nil {
			return j, fmt.Errorf("%q is not a jump host: give [user@]address[:port]", t.JumpHost)
		}
		j.Address, j.Port = host, n
	}
	j.Address = strings.Trim(j.Address, "[]")
	if err := j.check(); err != nil {
		return j, fmt.Errorf("jump host of %s: %w", t.name(), err)
	}
	return j, nil
}
