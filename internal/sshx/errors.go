package sshx

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
)

// What can be wrong with the way to a host. Probe and Classify give a
// *ConnectError that wraps one of them.
var (
	// ErrUnreachable is no answer at all: a time-out, a refusal, no route, an
	// unknown name.
	ErrUnreachable = errors.New("unreachable")
	// ErrHostKeyChanged is an answer with another host key than the pinned.
	ErrHostKeyChanged = errors.New("host key changed")
	// ErrAuthRefused is a host that refuses the user or the key.
	ErrAuthRefused = errors.New("login refused")
	// ErrConnectionLost is a connection that ended while in use.
	ErrConnectionLost = errors.New("connection lost")
)

// ConnectError is one sentence about the way to a host, with its remedy.
type ConnectError struct {
	// Kind is one of the errors above.
	Kind error
	// Message says what is wrong and what to do.
	Message string
	// Detail is the line of ssh that tells it.
	Detail string
}

func (e *ConnectError) Error() string { return e.Message }

// Unwrap gives Kind.
func (e *ConnectError) Unwrap() error { return e.Kind }

// Retryable says whether time alone may mend it.
func (e *ConnectError) Retryable() bool {
	return e.Kind == ErrUnreachable || e.Kind == ErrConnectionLost
}

type pattern struct {
	kind error
	text string
}

// patterns are texts of OpenSSH 7.6 to 10 in the C locale; the first that is
// found counts, so what names a cause comes before what names an effect.
var patterns = []pattern{
	{ErrHostKeyChanged, "REMOTE HOST IDENTIFICATION HAS CHANGED"},
	{ErrHostKeyChanged, "host key is known for"},
	{ErrHostKeyChanged, "Host key verification failed"},
	{ErrAuthRefused, "UNPROTECTED PRIVATE KEY FILE"},
	{ErrAuthRefused, "Permission denied ("},
	{ErrAuthRefused, "Too many authentication failures"},
	{ErrAuthRefused, "This account is currently not available"},
	{ErrAuthRefused, "Your account has expired"},
	{ErrAuthRefused, "no mutual signature"},
	{ErrUnreachable, "Could not resolve hostname"},
	{ErrUnreachable, "Connection refused"},
	{ErrUnreachable, "No route to host"},
	{ErrUnreachable, "Network is unreachable"},
	{ErrUnreachable, "Connection timed out"},
	{ErrUnreachable, "Operation timed out"},
	{ErrUnreachable, "during banner exchange"},
	{ErrUnreachable, "Host is down"},
	{ErrUnreachable, "kex_exchange_identification"},
	{ErrUnreachable, "Unable to negotiate"},
	{ErrUnreachable, "stdio forwarding failed"},
	{ErrConnectionLost, "not responding"},
	{ErrConnectionLost, "Connection reset by"},
	{ErrConnectionLost, "Connection closed by"},
	{ErrConnectionLost, "closed by remote host"},
	{ErrConnectionLost, "client_loop: "},
	{ErrConnectionLost, "Broken pipe"},
}

// Classify finds in what ssh wrote on standard error what was wrong, or gives
// nil when it says nothing of the connection.
func Classify(t Target, stderr string) *ConnectError {
	for _, p := range patterns {
		i := strings.Index(stderr, p.text)
		if i < 0 {
			continue
		}
		start := strings.LastIndexByte(stderr[:i], '\n') + 1
		line, _, _ := strings.Cut(stderr[start:], "\n")
		return connectError(atFault(t, stderr), p, strings.TrimSpace(line))
	}
	return nil
}

// atFault gives the jump host as the target where ssh speaks of it: by the
// name that its key is pinned under, or because it never got through it.
func atFault(t Target, stderr string) Target {
	if t.JumpHost == "" {
		return t
	}
	j, err := t.jump()
	if err == nil && (strings.Contains(stderr, j.Alias) || strings.Contains(stderr, "UNKNOWN port 65535")) {
		j.Alias = "the jump host of " + t.name()
		return j
	}
	return t
}

func connectError(t Target, p pattern, line string) *ConnectError {
	e := &ConnectError{Kind: p.kind, Detail: line}
	at := fmt.Sprintf("%s port %d", t.Address, t.port())
	if t.JumpHost != "" {
		at += " through " + t.JumpHost
	}
	switch p.kind {
	case ErrHostKeyChanged:
		e.Message = fmt.Sprintf("%s answered with another host key than the pinned one (%s): find out why, and if it is right, pin the new key: planb host edit %s --host-key KEY, or --unset host-key to take the one of the next contact", t.name(), at, t.name())
	case ErrAuthRefused:
		e.Message = authMessage(t, p)
	case ErrUnreachable:
		e.Message = fmt.Sprintf("%s is unreachable at %s (%s): check that it is up, the address and port, and the firewall", t.name(), at, reason(line))
	default:
		e.Message = fmt.Sprintf("the connection to %s was lost (%s): check the network between here and %s", t.name(), reason(line), at)
	}
	return e
}

func authMessage(t Target, p pattern) string {
	user, home := t.User, "~"+t.User
	if user == "" {
		user, home = "the user", "the user's home"
	}
	switch {
	case p.text == "UNPROTECTED PRIVATE KEY FILE":
		return fmt.Sprintf("ssh does not use the key file %s because others can read it: chmod 600 it", t.KeyFile)
	case strings.HasPrefix(p.text, "This account") || strings.HasPrefix(p.text, "Your account"):
		return fmt.Sprintf("%s does not let %s run commands: give the account a shell, such as /bin/sh", t.name(), user)
	case t.KeyFile == "":
		return fmt.Sprintf("%s refused to let %s in with the default keys: add a public key of this server to %s/.ssh/authorized_keys there, or name the key file", t.name(), user, home)
	}
	if _, err := os.Stat(t.KeyFile); errors.Is(err, fs.ErrNotExist) {
		return fmt.Sprintf("there is no key file %s for %s: make one with ssh-keygen, or name another", t.KeyFile, t.name())
	}
	return fmt.Sprintf("%s refused the key of %s: add %s.pub to %s/.ssh/authorized_keys there", t.name(), user, t.KeyFile, home)
}

// reason is the last clause of a line of ssh: "Connection refused".
func reason(line string) string {
	line = strings.TrimRight(line, ".\r")
	if i := strings.LastIndex(line, ": "); i >= 0 {
		line = line[i+2:]
	}
	return line
}
