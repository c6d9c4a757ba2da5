package notify

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"planb/internal/config"
)

// mailTime bounds each exchange with a mail server.
const mailTime = 30 * time.Second

// Mail is one message to one person: a second try after a refusal then tells
// nobody else again.
type Mail struct {
	To, Subject, Text, HTML string
	// Key makes the Message-ID, so that who gets a mail twice can tell.
	Key string
	At  time.Time
}

// Mailer sends mail through one server.
type Mailer struct {
	from, host string
	options    []gomail.Option
}

// NewMailer takes the settings of a mail channel.
func NewMailer(c config.Channel) (*Mailer, error) {
	host, portText, err := net.SplitHostPort(c.Server)
	if err != nil {
		return nil, fmt.Errorf("server is %q: give host:port, as smtp.example:587", c.Server)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return nil, fmt.Errorf("server is %q: its port must be a number", c.Server)
	}
	if err := gomail.NewMsg().From(c.From); err != nil {
		return nil, fmt.Errorf("from is %q: give a mail address", c.From)
	}
	m := &Mailer{from: c.From, host: host}
	roots, err := rootsOf(c.CAFile)
	if err != nil {
		return nil, err
	}
	m.options = []gomail.Option{
		gomail.WithPort(port), gomail.WithTimeout(mailTime),
		gomail.WithTLSConfig(&tls.Config{ServerName: host, RootCAs: roots, MinVersion: tls.VersionTLS12}),
	}
	switch c.TLS {
	case "", "starttls":
		m.options = append(m.options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	case "tls":
		m.options = append(m.options, gomail.WithSSL())
	case "none":
		if c.User != "" {
			return nil, errors.New("tls is none: a password needs starttls or tls")
		}
		m.options = append(m.options, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		return nil, fmt.Errorf("tls is %q: it is starttls, tls or none", c.TLS)
	}
	if c.User != "" {
		m.options = append(m.options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover),
			gomail.WithUsername(c.User), gomail.WithPassword(c.Password))
	}
	return m, nil
}

// rootsOf gives those of the system where no file is named.
func rootsOf(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("ca_file: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(text) {
		return nil, fmt.Errorf("ca_file: %s has no certificate in PEM", file)
	}
	return roots, nil
}

// Send sends one mail. It has been sent once the server took it, whatever
// happens to the connection then.
func (m *Mailer) Send(ctx context.Context, mail Mail) error {
	msg := gomail.NewMsg()
	if err := errors.Join(msg.From(m.from), msg.To(mail.To)); err != nil {
		return &RefusedError{fmt.Errorf("%q is no mail address", mail.To)}
	}
	msg.Subject(visible(mail.Subject))
	msg.SetMessageIDWithValue(m.messageID(mail))
	msg.SetDateWithValue(mail.At)
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetBodyString(gomail.TypeTextPlain, mail.Text)
	if mail.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, mail.HTML)
	}
	client, err := gomail.NewClient(m.host, m.options...)
	if err != nil {
		return fmt.Errorf("the mail server %s: %w", m.host, err)
	}
	if err := client.DialWithContext(ctx); err != nil {
		return fmt.Errorf("the mail server %s: %w", m.host, err)
	}
	defer client.Close()
	if err = client.Send(msg); err == nil || msg.IsDelivered() {
		return nil
	}
	err = fmt.Errorf("the mail server %s: %w", m.host, err)
	var s *gomail.SendError
	if errors.As(err, &s) && s.Reason == gomail.ErrSMTPRcptTo && s.ErrorCode() >= 500 {
		return &RefusedError{err}
	}
	return err
}

func (m *Mailer) messageID(mail Mail) string {
	sum := sha256.Sum256([]byte(mail.Key + "\x00" + mail.To))
	_, domain, _ := strings.Cut(strings.TrimSuffix(m.from, ">"), "@")
	return hex.EncodeToString(sum[:16]) + "@" + domain
}

// mailChannel tells by mail.
type mailChannel struct {
	mailer *Mailer
	to     []string
	groups bool
}

var mailType = channelType{create: newMail, settings: []string{
	"server", "tls", "ca_file", "user", "password", "password_file", "from", "to", "to_group",
}}

func newMail(c config.Channel) (Channel, error) {
	m, err := NewMailer(c)
	if err != nil {
		return nil, err
	}
	if len(c.To) == 0 && !c.ToGroup {
		return nil, errors.New("it needs to: with mail addresses, or to_group: true")
	}
	for _, to := range c.To {
		if gomail.NewMsg().To(to) != nil {
			return nil, fmt.Errorf("to has %q: give mail addresses", to)
		}
	}
	return mailChannel{m, c.To, c.ToGroup}, nil
}

// Recipients implements Channel.
func (c mailChannel) Recipients(mails []string) []string {
	all := slices.Clone(c.to)
	if c.groups {
		for _, m := range mails {
			if !slices.Contains(all, m) {
				all = append(all, m)
			}
		}
	}
	return all
}

// Send implements Channel.
func (c mailChannel) Send(ctx context.Context, recipient string, n Notice) error {
	m, err := messageOf(n)
	if err != nil {
		return err
	}
	return c.mailer.Send(ctx, Mail{To: recipient, Subject: m.subject, Text: m.text, HTML: m.html, Key: n.Key, At: n.At})
}
