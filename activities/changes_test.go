package activities

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"planb/internal/policy"
)

// breakOff ends a transfer as the end of the worker does, once the file of that
// name is being written to.
func (p *pulling) breakOff(name string) {
	p.t.Helper()
	stop := make(chan struct{})
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.SetWorkerStopChannel(stop)
	env.RegisterActivity(p.Pull)
	prepared := p.prepared()
	go func() {
		defer close(stop)
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			if info, err := os.Stat(filepath.Join(prepared.Data, name)); err == nil && info.Size() > 0 {
				return
			}
		}
	}()
	_, err := env.ExecuteActivity(p.Pull, PullInput{Plan: p.plan, Prepared: prepared})
	require.Equal(p.t, ErrTypeShutdown, ErrType(err), "%v", err)
}

// What a run deleted that ended without a snapshot counts for the next one's
// guards: a disaster that comes in two halves is one.
func TestGuardsCountWhatRunsWithoutASnapshotDid(t *testing.T) {
	t.Parallel()
	p := newPulling(t, policy.Settings{GuardDelete: new(50)})
	for i := range 100 {
		p.write(map[string]string{fmt.Sprintf("etc/a/%d", i): "x"})
	}
	p.run("good")
	good := p.pull()
	require.Empty(t, good.Guards)
	p.snapshot("daily-202611210130")
	p.plan.Previous = good.Counts
	require.EqualValues(t, 100, good.Counts.Files)

	// 40 of 100 are gone, and the run is cancelled.
	p.remove(0, 40)
	p.write(map[string]string{"etc/z/big": strings.Repeat("0123456789abcdef", 2<<20)})
	slow, err := policy.ParseBandwidth("1M")
	require.NoError(t, err)
	fast := p.plan.Policy
	p.plan.Policy = policy.Resolve(policy.Settings{}, policy.Settings{}, policy.Settings{
		GuardDelete: new(50), Bandwidth: &slow, Port: &fast.Port.Value, User: &fast.User.Value,
	})
	p.run("cancelled")
	p.breakOff("etc/z/big")
	p.plan.Policy = fast
	require.NoFileExists(t, filepath.Join(p.dataDir(), "etc/a/0"))

	// One more run succeeds, but no snapshot is taken of it.
	p.remove(40, 50)
	p.run("no room for a snapshot")
	require.Empty(t, p.pull().Guards)

	// By now 51 of 100 are gone, and this run deleted one of them.
	p.remove(50, 51)
	p.run("the next")
	next := p.pull()
	require.Len(t, next.Guards, 1)
	require.Equal(t, policy.GuardDelete, next.Guards[0].Guard)
	require.EqualValues(t, 51, next.Counts.Deleted)

	// A snapshot has it all, and so has the record of its run.
	p.snapshot("daily-202611230130")
	p.run("after it")
	require.Empty(t, p.pull().Guards)
}

func (p *pulling) remove(from, to int) {
	p.t.Helper()
	for i := from; i < to; i++ {
		require.NoError(p.t, os.Remove(filepath.Join(p.source, "etc/a", fmt.Sprint(i))))
	}
}
