package e2e

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/devstack"
	"planb/internal/mailcatch"
	"planb/internal/sshx/sshtest"
)

// What planb dev starts tells by mail, and keeps the mails where one can read
// them: of the first success of a host one, and of the second none.
func TestFirstSuccessIsMailedToTheCatcher(t *testing.T) {
	t.Parallel()
	const host = "mailed/web1"
	addHost(t, host, sshtest.Server(t), "--include", "/etc/hostname")
	run := backup(t, host)
	dir := mailcatch.Maildir(devstack.Maildir(filepath.Dir(stack.Config)))
	about := func() (found []mailcatch.Letter) {
		names, err := dir.Names()
		require.NoError(t, err)
		for _, name := range names {
			l, err := dir.Read(name)
			require.NoError(t, err)
			if strings.Contains(l.Subject, host) {
				found = append(found, l)
			}
		}
		return found
	}
	require.Eventually(t, func() bool { return len(about()) > 0 }, patience, 200*time.Millisecond, "no mail")
	backup(t, host)
	// Once a later notice is there, one of the second backup would be, too.
	must(t, "host", "disable", host, "--reason", "enough")
	require.Eventually(t, func() bool { return len(about()) > 1 }, patience, 200*time.Millisecond, "no second mail")
	mails := about()
	require.Len(t, mails, 2)
	first := mails[1]
	require.Equal(t, "[PlanB] "+host+" has its first good backup", first.Subject)
	require.Equal(t, devstack.MailTo, first.To)
	for _, form := range []string{first.Text, first.HTML} {
		require.Contains(t, form, host)
		require.Contains(t, form, "/runs/"+run["run"].(string))
	}
	require.Contains(t, mails[0].Subject, "is disabled")
}
