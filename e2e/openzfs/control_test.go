//go:build openzfs

package openzfs

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"

	"planb/internal/devstack"
)

// dataKey is the secret of the data service, which the command line here and
// the worker in the machine share.
const dataKey = "only-for-tests-and-long-enough-0123456789"

// startControl starts planb control on this machine. It ends with this process,
// before the guardian ends what it needs.
func startControl(ctx context.Context, dir string, stack *devstack.Stack) error {
	config := fmt.Sprintf("server: outside\nstate: %q\ndatabase:\n  url: %q\ntemporal:\n  address: %q\n  namespace: %q\ndata:\n  key: %s\n",
		filepath.Join(dir, "planb-state"), stack.Postgres.URL("planb"), stack.Temporal.Address(), devstack.Namespace, dataKey)
	if err := os.WriteFile(planb.Config, []byte(config), 0o600); err != nil {
		return err
	}
	if out, err := planb.Command(ctx, "migrate").CombinedOutput(); err != nil {
		return fmt.Errorf("planb migrate: %w\n%s", err, bytes.TrimSpace(out))
	}
	log, err := os.Create(filepath.Join(dir, "control.log"))
	if err != nil {
		return err
	}
	cmd := planb.Command(context.Background(), "control")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	cmd.Stdout, cmd.Stderr = log, log
	return errors.Join(cmd.Start(), log.Close())
}
