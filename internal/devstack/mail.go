package devstack

import (
	"context"
	"path/filepath"
	"strconv"
	"time"
)

// MailTo is who gets the mails of a stack.
const MailTo = "operator@localhost"

// mail takes the mails of a stack and shows them, as `planb dev mail` does; it
// sends none on.
type mail struct {
	*process
	stack             *Stack
	smtpPort, webPort int
}

func newMail(s *Stack) *mail {
	return &mail{process: newProcess(s.State, "mail", 0, 10*time.Second), stack: s}
}

// Maildir is where the mails of a stack are.
func Maildir(state string) string { return filepath.Join(state, "mail", "maildir") }

// Address implements Component: that of the page with the mails.
func (m *mail) Address() string { return "http://" + hostPort(m.webPort) }

// Start implements Component.
func (m *mail) Start(ctx context.Context) error {
	if err := m.Stop(ctx); err != nil {
		return err
	}
	dir := filepath.Join(m.stack.State, "mail")
	if err := ownDir(dir); err != nil {
		return err
	}
	saved := loadPorts(dir)
	var err error
	if m.smtpPort, err = saved.pick("smtp", Loopback, m.smtpPort); err != nil {
		return err
	}
	if m.webPort, err = saved.pick("web", Loopback, m.webPort); err != nil {
		return err
	}
	if err := saved.save(); err != nil {
		return err
	}
	argv := append(append([]string{}, m.stack.program...), "dev", "mail",
		"--maildir", Maildir(m.stack.State), "--smtp", hostPort(m.smtpPort), "--web", hostPort(m.webPort))
	if err := m.start(ctx, argv, nil); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return m.ready(ctx, func(ctx context.Context) error { return answers(ctx, m.Address()+"/") })
}

// config is what planb.yaml says of it.
func (m *mail) config() string {
	q := strconv.Quote
	return "notify:\n  channels:\n    - name: mail\n      type: mail\n      server: " + q(hostPort(m.smtpPort)) + "\n" +
		"      tls: none\n      from: planb@localhost\n      to: [" + MailTo + "]\n      to_group: true\n"
}
