//go:build openzfs

// Package openzfs backs hosts up onto a real OpenZFS, by a storage worker that
// is an ordinary user with the sudo rules of deploy/sudoers.
//
// PostgreSQL, Temporal and planb control run on this machine, the worker and
// the host that it pulls from in a virtual one: run it with `make test-openzfs`,
// which boots that.
package openzfs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	// The program is built by these tests rather than linked into them; named
	// here so that a change of it counts as a change of the tests.
	_ "planb/cli"
	"planb/e2e/harness"
	"planb/internal/devstack"
)

// Set once by TestMain.
var (
	planb *harness.Planb
	vm    *machine
)

// The first argument that makes this program, inside the machine, one that makes
// a tree with every kind of file, that tells what is in a tree, that makes a large
// file which is mostly a hole, or that tells what is in one.
const (
	makeTree = "make-tree"
	listTree = "list-tree"
	makeHole = "make-hole"
	listData = "list-data"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 2 {
		switch os.Args[1] {
		case makeTree:
			os.Exit(say(harness.EveryKind(os.Args[2], harness.Kinds{Attributes: true, Wide: true})))
		case listTree:
			os.Exit(say(printTree(os.Args[2])))
		case listData:
			os.Exit(say(printData(os.Args[2])))
		case makeHole:
			size, err := strconv.ParseInt(os.Args[3], 10, 64)
			os.Exit(say(errors.Join(err, harness.WriteHole(os.Args[2], size))))
		}
	}
	code := harness.Guarded(m, start)
	if code != 0 && vm != nil {
		fmt.Fprintln(os.Stderr, "the worker in the machine said last:")
		out, _ := vm.try("tail", "-n", "30", workerLog)
		fmt.Fprintln(os.Stderr, out)
	}
	os.Exit(code)
}

func say(err error) int {
	if err == nil {
		return 0
	}
	fmt.Fprintln(os.Stderr, err)
	return 1
}

// start starts what does not belong to the storage server here, and the worker
// in the machine.
func start(ctx context.Context, dir string) error {
	config := os.Getenv("PLANB_VM")
	if config == "" {
		return errors.New("these tests need a virtual machine with OpenZFS: run them with make test-openzfs")
	}
	program := filepath.Join(dir, "planb")
	if err := harness.Build(ctx, program, "openzfs"); err != nil {
		return err
	}
	bin, err := devstack.DefaultBin()
	if err != nil {
		return err
	}
	if err := devstack.BuildTemporal(ctx, bin, os.Stderr, false); err != nil {
		return err
	}
	stack, err := devstack.New(devstack.Options{State: harness.StateOf(dir), Bin: bin})
	if err != nil {
		return err
	}
	for _, c := range []devstack.Component{stack.Postgres, stack.Temporal} {
		if err := c.Start(ctx); err != nil {
			return fmt.Errorf("%s does not start: %w", c.Name(), err)
		}
	}
	planb = &harness.Planb{Program: program, Config: filepath.Join(dir, "planb.yaml")}
	if err := startControl(ctx, dir, stack); err != nil {
		return err
	}
	vm = &machine{config: config}
	return vm.startWorker(ctx, program, stack.Temporal.Port)
}
