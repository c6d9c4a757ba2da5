package sshx

import (
	"fmt"
	"strings"

	"golang.org/x/crypto/ssh"
)

// HostKeyError is a text that is no public key.
type HostKeyError struct{ Text string }

// Error says what to give instead.
func (e *HostKeyError) Error() string {
	return fmt.Sprintf("%q is not a public key: give what `ssh-keyscan` or the host's /etc/ssh/ssh_host_*_key.pub says, e.g. \"ssh-ed25519 AAAA…\"", e.Text)
}

// ParseHostKeys checks public keys, and leaves of each its type and base64 text,
// which is what known_hosts has after a host's name. Errors: *HostKeyError.
func ParseHostKeys(lines []string) ([]string, error) {
	keys := make([]string, 0, len(lines))
	for _, line := range lines {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			return nil, &HostKeyError{Text: line}
		}
		keys = append(keys, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))))
	}
	return keys, nil
}
