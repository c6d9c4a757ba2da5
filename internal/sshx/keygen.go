package sshx

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"planb/internal/command"
)

// Keygen makes an ed25519 key pair without a passphrase, file and file.pub,
// unless file is there already.
func Keygen(ctx context.Context, file, comment string) error {
	if _, err := os.Stat(file); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	_, err := command.Output(ctx, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", file)
	if command.NotFound(err) {
		return fmt.Errorf("ssh-keygen is not installed: install openssh-client (%w)", err)
	}
	return err
}
