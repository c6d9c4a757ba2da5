// Package mailcatch is a mail server that sends nothing on: it keeps each mail in
// a maildir and shows them on a page. It is for trying PlanB out, on loopback.
package mailcatch

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/emersion/go-smtp"
)

const (
	// mostMail is how large a mail may be, in bytes.
	mostMail = 10 << 20
	// patience bounds each step of a client.
	patience = 30 * time.Second
)

// Serve takes mails at smtpAt and shows them at webAt, until ctx ends.
func Serve(ctx context.Context, dir Maildir, smtpAt, webAt net.Listener) error {
	if err := dir.make(); err != nil {
		return err
	}
	office := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return &session{dir: dir}, nil }))
	office.Domain, office.MaxMessageBytes, office.MaxRecipients = "localhost", mostMail, 100
	office.ReadTimeout, office.WriteTimeout = patience, patience
	page := &http.Server{Handler: Handler(dir), ReadHeaderTimeout: patience}
	ended := make(chan error, 2)
	go func() { ended <- office.Serve(smtpAt) }()
	go func() { ended <- page.Serve(webAt) }()
	var first error
	select {
	case first = <-ended:
	case <-ctx.Done():
	}
	err := errors.Join(office.Close(), page.Close())
	if ctx.Err() != nil {
		return nil
	}
	return errors.Join(first, err)
}

// session is one client's.
type session struct {
	dir  Maildir
	from string
	to   []string
}

// Mail implements smtp.Session.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

// Rcpt implements smtp.Session.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

// Data implements smtp.Session.
func (s *session) Data(mail io.Reader) error { return s.dir.deliver(s.from, s.to, mail, time.Now()) }

// Reset implements smtp.Session.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout implements smtp.Session.
func (s *session) Logout() error { return nil }
