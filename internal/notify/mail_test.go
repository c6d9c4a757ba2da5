package notify

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"
	gomail "github.com/wneessen/go-mail"

	"planb/internal/config"
)

// postOffice is an SMTP server that keeps what it takes.
type postOffice struct {
	mu    sync.Mutex
	mails []string
	// encrypted counts the mails that came over TLS after a sign-in.
	encrypted int
	hang      chan struct{}
	// down hangs up on whoever calls.
	down atomic.Bool
}

// taken gives the mails, and how many came encrypted after a sign-in.
func (p *postOffice) taken() (mails []string, encrypted int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.mails, p.encrypted
}

// door is the office's listener.
type door struct {
	net.Listener
	office *postOffice
}

func (d door) Accept() (net.Conn, error) {
	for {
		c, err := d.Listener.Accept()
		if err != nil || !d.office.down.Load() {
			return c, err
		}
		_ = c.Close()
	}
}

func (p *postOffice) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &visit{office: p, conn: c}, nil
}

type visit struct {
	office *postOffice
	conn   *smtp.Conn
	signed bool
}

func (*visit) AuthMechanisms() []string { return []string{sasl.Plain} }

func (v *visit) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "planb" || password != "right" {
			return errors.New("wrong password")
		}
		v.signed = true
		return nil
	}), nil
}

func (*visit) Reset()                               {}
func (*visit) Logout() error                        { return nil }
func (*visit) Mail(string, *smtp.MailOptions) error { return nil }

func (*visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	switch {
	case strings.HasPrefix(to, "gone@"):
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user"}
	case strings.HasPrefix(to, "later@"):
		return &smtp.SMTPError{Code: 450, EnhancedCode: smtp.EnhancedCode{4, 2, 0}, Message: "greylisted"}
	}
	return nil
}

func (v *visit) Data(r io.Reader) error {
	if v.office.hang != nil {
		<-v.office.hang
		return errors.New("closing")
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	v.office.mu.Lock()
	defer v.office.mu.Unlock()
	v.office.mails = append(v.office.mails, string(text))
	if _, ok := v.conn.TLSConnectionState(); ok && v.signed {
		v.office.encrypted++
	}
	return nil
}

// open serves the office, and gives where that is and the file of its certificate.
func (p *postOffice) open(t *testing.T, implicit bool) (where, ca string) {
	t.Helper()
	https := httptest.NewUnstartedServer(nil)
	https.StartTLS()
	cert := https.Certificate()
	conf := &tls.Config{Certificates: https.TLS.Certificates}
	https.Close()
	ca = filepath.Join(t.TempDir(), "ca.pem")
	require.NoError(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw}), 0o600))

	s := smtp.NewServer(p)
	s.Domain, s.TLSConfig = "127.0.0.1", conf
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	where = tcp.Addr().String()
	var l net.Listener = door{tcp, p}
	if implicit {
		l = tls.NewListener(l, conf)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.Serve(l) }()
	t.Cleanup(func() {
		_ = s.Close()
		_ = tcp.Close() // also where Serve has not begun yet
		<-ended
	})
	return where, ca
}

func mailConfig(where, ca string) config.Channel {
	return config.Channel{
		Name: "ops", Type: "mail", Server: where, CAFile: ca, User: "planb", Password: "right",
		From: "PlanB <planb@backup.example>", To: []string{"ops@acme.example"},
	}
}

func sample() Notice {
	return Notice{
		Key: "acme/web1/failed/7", Kind: Failed, Severity: config.SeverityError, Host: "acme/web1", Group: "acme",
		Title: "The backup of acme/web1 failed", Cause: "ssh: connect to host <web1> port 22: \"refused\" for /srv/a\r\nBcc: evil@x.example",
		Remedy: "See whether sshd runs & answers there.", URL: "https://backup.example/hosts/acme/web1", Run: "r7",
		At: time.Date(2026, 11, 27, 1, 30, 0, 0, time.UTC),
	}
}

func TestMailArrivesEncrypted(t *testing.T) {
	t.Parallel()
	for _, implicit := range []bool{false, true} {
		office := &postOffice{}
		where, ca := office.open(t, implicit)
		c := mailConfig(where, ca)
		if implicit {
			c.TLS = "tls"
		}
		ch, err := New(c)
		require.NoError(t, err)
		require.NoError(t, ch.Send(t.Context(), "ops@acme.example", sample()))
		require.NoError(t, ch.Send(t.Context(), "ops@acme.example", sample()))
		mails, encrypted := office.taken()
		require.Equal(t, 2, encrypted)

		first, err := mail.ReadMessage(strings.NewReader(mails[0]))
		require.NoError(t, err)
		again, err := mail.ReadMessage(strings.NewReader(mails[1]))
		require.NoError(t, err)
		require.Equal(t, "[PlanB] The backup of acme/web1 failed", first.Header.Get("Subject"))
		require.Contains(t, first.Header.Get("Content-Type"), "multipart/alternative")
		require.NotEmpty(t, first.Header.Get("Message-ID"))
		require.Equal(t, first.Header.Get("Message-ID"), again.Header.Get("Message-ID"))
		require.Contains(t, first.Header.Get("Message-ID"), "@backup.example>")
		require.Empty(t, first.Header.Get("Bcc"))
	}
}

func TestMailHeadersCannotBeAdded(t *testing.T) {
	t.Parallel()
	office := &postOffice{}
	where, ca := office.open(t, false)
	ch, err := New(mailConfig(where, ca))
	require.NoError(t, err)
	n := sample()
	n.Title = "failed at a\r\nBcc: evil@x.example\r\n\r\nbody"
	require.NoError(t, ch.Send(t.Context(), "ops@acme.example", n))
	mails, _ := office.taken()
	m, err := mail.ReadMessage(strings.NewReader(mails[0]))
	require.NoError(t, err)
	require.Empty(t, m.Header.Get("Bcc"))
	require.Contains(t, m.Header.Get("Subject"), `a\x0d\x0aBcc:`)
	require.True(t, Refused(ch.Send(t.Context(), "ops@acme.example\r\nBcc: evil@x.example", n)))
	mails, _ = office.taken()
	require.Len(t, mails, 1)
}

func TestMailRefusals(t *testing.T) {
	t.Parallel()
	office := &postOffice{}
	where, ca := office.open(t, false)
	ch, err := New(mailConfig(where, ca))
	require.NoError(t, err)
	err = ch.Send(t.Context(), "gone@acme.example", sample())
	require.ErrorContains(t, err, "no such user")
	require.True(t, Refused(err))
	err = ch.Send(t.Context(), "later@acme.example", sample())
	require.ErrorContains(t, err, "greylisted")
	require.False(t, Refused(err))

	wrong := mailConfig(where, ca)
	wrong.Password = "wrong-secret"
	ch, err = New(wrong)
	require.NoError(t, err)
	err = ch.Send(t.Context(), "ops@acme.example", sample())
	require.Error(t, err)
	require.False(t, Refused(err), "a password can be mended")
	require.NotContains(t, err.Error(), "wrong-secret")

	ch, err = New(mailConfig(where, ""))
	require.NoError(t, err)
	require.ErrorContains(t, ch.Send(t.Context(), "ops@acme.example", sample()), "certificate")
	mails, _ := office.taken()
	require.Empty(t, mails)
}

func TestMailServerThatComesBack(t *testing.T) {
	t.Parallel()
	office := &postOffice{}
	where, ca := office.open(t, false)
	office.down.Store(true)
	ch, err := New(mailConfig(where, ca))
	require.NoError(t, err)
	err = ch.Send(t.Context(), "ops@acme.example", sample())
	require.Error(t, err)
	require.False(t, Refused(err))
	mails, _ := office.taken()
	require.Empty(t, mails)

	office.down.Store(false)
	require.NoError(t, ch.Send(t.Context(), "ops@acme.example", sample()))
	mails, _ = office.taken()
	require.Len(t, mails, 1)
}

func TestMailServerThatHangs(t *testing.T) {
	t.Parallel()
	office := &postOffice{hang: make(chan struct{})}
	where, ca := office.open(t, false)
	defer close(office.hang)
	ch, err := New(mailConfig(where, ca))
	require.NoError(t, err)
	m := ch.(mailChannel).mailer
	m.options = append(m.options, gomail.WithTimeout(time.Second))
	err = ch.Send(t.Context(), "ops@acme.example", sample())
	require.Error(t, err)
	require.False(t, Refused(err))
}
