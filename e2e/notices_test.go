package e2e

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"planb/internal/sshx/sshtest"
)

// postOffice is an SMTP server that keeps the mails it takes, by recipient.
type postOffice struct {
	mu    sync.Mutex
	mails map[string][]string
	// away has it answer that it is out of order.
	away bool
}

func (p *postOffice) NewSession(*smtp.Conn) (smtp.Session, error) { return &letter{office: p}, nil }

type letter struct {
	office *postOffice
	to     string
}

func (*letter) Reset()                               {}
func (*letter) Logout() error                        { return nil }
func (*letter) Mail(string, *smtp.MailOptions) error { return nil }

func (l *letter) Rcpt(to string, _ *smtp.RcptOptions) error {
	l.office.mu.Lock()
	defer l.office.mu.Unlock()
	switch {
	case l.office.away:
		return &smtp.SMTPError{Code: 451, Message: "come back later"}
	case strings.HasPrefix(to, "gone@"):
		return &smtp.SMTPError{Code: 550, Message: "no such user"}
	}
	l.to = to
	return nil
}

func (l *letter) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	l.office.mu.Lock()
	defer l.office.mu.Unlock()
	l.office.mails[l.to] = append(l.office.mails[l.to], string(text))
	return nil
}

func (p *postOffice) setAway(away bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.away = away
}

// subjects are those of the mails that somebody got, in order.
func (p *postOffice) subjects(to string) []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []string
	for _, text := range p.mails[to] {
		for line := range strings.Lines(text) {
			if s, ok := strings.CutPrefix(line, "Subject: "); ok {
				list = append(list, strings.TrimSpace(s))
				break
			}
		}
	}
	return list
}

func openPostOffice(t *testing.T) (p *postOffice, where string) {
	t.Helper()
	p = &postOffice{mails: map[string][]string{}}
	s := smtp.NewServer(p)
	s.Domain = "127.0.0.1"
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		_ = l.Close() // also where Serve has not begun yet
		if err := <-ended; err != nil && !errors.Is(err, smtp.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
	return p, l.Addr().String()
}

// TestNotices has people told by mail of each change of a host's state, once: the
// first success, a failure that lasts over two runs, the recovery; also those of
// the group; also when the mail server is away for a while, and PlanB is killed.
func TestNotices(t *testing.T) {
	t.Parallel()
	office, where := openPostOffice(t)
	s, _ := newSite(t, "notices", fmt.Sprintf(`  url: http://planb.example
notify:
  channels:
    - {name: ops, type: mail, server: "%s", tls: none, from: planb@backup.example, to: [ops@backup.example, gone@backup.example], to_group: true}
    - {name: night, type: mail, server: "%s", tls: none, from: planb@backup.example, to: [night@backup.example], severity: error}
`, where, where))
	server := sshtest.Server(t, sshtest.Options{Root: source(t)})
	s.must("group", "add", "told", "--email", "owner@told.example")
	s.must(append(addArgs("told/web1", server), "--include", "/")...)
	told := func(to string, subjects ...string) {
		t.Helper()
		require.Eventually(t, func() bool { return len(office.subjects(to)) >= len(subjects) }, patience, 100*time.Millisecond,
			"%s got %q: %s", to, office.subjects(to), s.log)
		got := office.subjects(to)
		require.Len(t, got, len(subjects), "%q", got)
		for i, want := range subjects {
			require.Contains(t, got[i], want)
		}
	}
	undelivered := func() []row { return decode(t, s.must("notices", "--undelivered", "--json")) }

	s.must("backup", "told/web1", "--wait")
	told("ops@backup.example", "told/web1")
	told("owner@told.example", "told/web1")
	require.Empty(t, office.subjects("night@backup.example"), "a success is no error")
	// Who does not exist is given up, and that is seen.
	require.Eventually(t, func() bool {
		list := decode(t, s.must("notices", "--json"))
		return len(list) == 1 && list[0]["done_at"] != nil
	}, patience, 100*time.Millisecond)
	require.Contains(t, s.must("notices"), "ops gone@backup.example gave up: ")

	// The mail server is away: backups end all the same, and nothing is lost, also
	// not when PlanB dies meanwhile.
	office.setAway(true)
	server.Kill()
	for range 2 {
		require.Equal(t, failed, planbWith(t, s.env(), "backup", "told/web1", "--wait").code)
	}
	require.Eventually(t, func() bool { return len(undelivered()) >= 2 }, patience, 100*time.Millisecond)
	s.kill()
	office.setAway(false)
	s.start()
	first, failure := office.subjects("ops@backup.example")[0], "told/web1"
	told("ops@backup.example", first, failure)
	told("owner@told.example", first, failure)
	told("night@backup.example", failure)

	server.Start()
	s.must("backup", "told/web1", "--wait")
	told("ops@backup.example", first, failure, "told/web1")
	require.Len(t, decode(t, s.must("notices", "--json")), 3, "two failures are one thing to tell")
	require.Empty(t, decode(t, s.must("notices", "--open", "--json")))
	kinds := []string{}
	for _, n := range decode(t, s.must("notices", "--host", "told/web1", "--json")) {
		kinds = append(kinds, n["kind"].(string))
	}
	require.Equal(t, []string{"recovered", "failed", "first_success"}, kinds)
}
