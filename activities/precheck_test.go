package activities

import (
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
	"planb/internal/sshx/sshtest"
)

// A key with a command that answers no questions lets the host be backed up,
// and says what is not known then.
func TestAHostThatAnswersNoQuestions(t *testing.T) {
	t.Parallel()
	p := newPulling(t, policy.Settings{})
	foreign := sshtest.Server(t, sshtest.Options{ForcedCommand: "/bin/true"}).Session().Target
	p.DefaultKey = foreign.KeyFile
	for _, file := range []string{"", "/srv/data/mounted"} {
		settings := policy.Settings{Port: &foreign.Port, User: &foreign.User}
		if file != "" {
			settings.CheckFile = &file
		}
		p.plan.Policy = policy.Resolve(policy.Settings{}, policy.Settings{}, settings)
		p.plan.HostKeys = foreign.HostKeys

		check := do[PreCheckResult](p.storageServer, p.PreCheck, PreCheckInput{Plan: p.plan})
		require.True(t, check.Ready)
		probe := do[ProbeReport](p.storageServer, p.Probe, p.plan)
		require.True(t, probe.Ready)
		require.Contains(t, probe.Warning, "restricted to a command that answers no questions")
		if file == "" {
			require.Equal(t, probe.Warning, check.Notice)
			require.Empty(t, check.Warning)
		} else {
			require.Contains(t, check.Warning, file)
			require.Empty(t, check.Notice)
		}
	}
}
