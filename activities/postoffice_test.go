package activities

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"planb/internal/config"
	"planb/internal/notify"
)

// postOffice is a mail server that keeps what it takes, and answers one sort of
// addresses that they are not there.
type postOffice struct {
	mu    sync.Mutex
	mails []string
	to    []string
	// busy are recipients that it takes nothing for now.
	busy map[string]bool
}

func (p *postOffice) NewSession(*smtp.Conn) (smtp.Session, error) { return &counter{office: p}, nil }

type counter struct {
	office *postOffice
	to     string
}

func (*counter) Reset()                               {}
func (*counter) Logout() error                        { return nil }
func (*counter) Mail(string, *smtp.MailOptions) error { return nil }

func (c *counter) Rcpt(to string, _ *smtp.RcptOptions) error {
	c.office.mu.Lock()
	defer c.office.mu.Unlock()
	switch {
	case strings.HasPrefix(to, "gone@"):
		return &smtp.SMTPError{Code: 550, Message: "no such user"}
	case c.office.busy[to]:
		return &smtp.SMTPError{Code: 451, Message: "come back later"}
	}
	c.to = to
	return nil
}

func (c *counter) Data(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	c.office.mu.Lock()
	defer c.office.mu.Unlock()
	c.office.mails, c.office.to = append(c.office.mails, string(text)), append(c.office.to, c.to)
	return nil
}

// got gives who was sent something, in order, and what.
func (p *postOffice) got() (to, mails []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string{}, p.to...), append([]string{}, p.mails...)
}

func (p *postOffice) setBusy(to string, busy bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.busy = map[string]bool{to: busy}
}

// open has the office answer at an address, which it does until the test ends.
func (p *postOffice) open(t *testing.T, where string) {
	t.Helper()
	s := smtp.NewServer(p)
	s.Domain = "127.0.0.1"
	l, err := net.Listen("tcp", where)
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
}

// newMailer gives one that sends to where nobody answers yet.
func newMailer(t *testing.T) (m *notify.Mailer, where string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	where = l.Addr().String()
	require.NoError(t, l.Close())
	m, err = notify.NewMailer(config.Channel{Server: where, TLS: "none", From: "planb@backup.example"})
	require.NoError(t, err)
	return m, where
}
