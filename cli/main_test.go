package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/devstack"
)

// shared is the Temporal that the tests of this process share, started for the
// first test that wants it and stopped at the end.
var shared struct {
	sync.Mutex
	address string
	stop    func()
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.stop != nil {
		shared.stop()
	}
	os.Exit(code)
}

// temporalAddress gives the address of Temporal.
func temporalAddress(t *testing.T) string {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.address == "" {
		require.NoError(t, startTemporal())
	}
	return shared.address
}

func startTemporal() error {
	ctx := context.Background() // it outlives the test that starts it
	dir, err := os.MkdirTemp("", "planb-clitest-")
	if err != nil {
		return err
	}
	if dir, err = filepath.EvalSymlinks(dir); err != nil {
		return err
	}
	bin, err := devstack.DefaultBin()
	if err != nil {
		return err
	}
	if err := devstack.BuildTemporal(ctx, bin, os.Stderr, false); err != nil {
		return err
	}
	pg := devstack.NewPostgres(dir)
	server := devstack.NewTemporal(dir, bin, pg)
	shared.stop = func() {
		for _, c := range []devstack.Component{server, pg} {
			if err := c.Stop(ctx); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
		_ = os.RemoveAll(dir)
	}
	if err := pg.Start(ctx); err != nil {
		return err
	}
	if err := server.Start(ctx); err != nil {
		return err
	}
	shared.address = server.Address()
	return nil
}
