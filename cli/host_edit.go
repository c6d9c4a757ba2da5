package cli

import (
	"context"
	"fmt"
	"strings"

	ucli "github.com/urfave/cli/v2"
	"golang.org/x/crypto/ssh"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
)

func (a *app) hostEdit(c *ucli.Context) error {
	host, err := hostArg(c)
	if err != nil {
		return err
	}
	e, err := hostChange(c)
	if err != nil {
		return err
	}
	forgetJump := false
	e.Settings = func(s *policy.Settings) error {
		err := unset(c, s, func(field string) bool {
			switch field {
			case "notes":
				e.Notes = new("")
			case "tag":
				e.Tags = &[]string{}
			case "host-key":
				e.HostKeys = &[]string{}
			case "jump-host-key":
				forgetJump = true
			default:
				return false
			}
			return true
		})
		if err != nil {
			return err
		}
		return setPolicy(c, s)
	}
	// Once in advance: wrong flags are told before anything is opened, and
	// what --unset forgets of the host itself is known.
	if err := e.Settings(&policy.Settings{}); err != nil {
		return err
	}
	if c.NumFlags() == 0 {
		return usagef("nothing to change: give a flag, see planb host edit --help")
	}
	if _, err := a.temporal(c); err != nil {
		return err
	}
	ctx, store, err := a.catalog(c)
	if err != nil {
		return err
	}
	if forgetJump {
		if err := forgetJumpHostKeys(ctx, store, host); err != nil {
			return err
		}
	}
	if _, err := store.EditHost(ctx, host, e); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "Changed host %s.\n", host)
	return a.syncSchedules(c, host)
}

// forgetJumpHostKeys forgets the keys of the jump host on the way to host.
func forgetJumpHostKeys(ctx context.Context, store *catalog.Store, host ident.Host) error {
	effective, err := store.Effective(ctx, host)
	if err != nil {
		return err
	}
	if effective.JumpHost.Value == "" {
		return refusedf("host %s has no jump host whose keys could be forgotten", host)
	}
	return store.ForgetJumpHostKeys(ctx, effective.JumpHost.Value)
}

// parseHostKeys checks public keys, and leaves of each its type and base64
// text, which is what known_hosts has after a host's name.
func parseHostKeys(lines []string) ([]string, error) {
	keys := make([]string, 0, len(lines))
	for _, line := range lines {
		key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			return nil, usagef("--host-key: %q is not a public key: give what `ssh-keyscan` or the host's /etc/ssh/ssh_host_*_key.pub says, e.g. \"ssh-ed25519 AAAA…\"", line)
		}
		keys = append(keys, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))))
	}
	return keys, nil
}
