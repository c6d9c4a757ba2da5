package notify

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/smtp"
	"time"

	"planb/internal/config"
)

// Greet connects to the mail server of a channel and says hello, without signing
// in and without sending anything. Its error is a sentence with what to do.
func Greet(ctx context.Context, c config.Channel) error {
	host, _, err := net.SplitHostPort(c.Server)
	if err != nil {
		return fmt.Errorf("server is %q: give host:port, as smtp.example:587", c.Server)
	}
	roots, err := rootsOf(c.CAFile)
	if err != nil {
		return err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", c.Server)
	if err != nil {
		return fmt.Errorf("the mail server %s cannot be reached: see whether it runs, and whether a firewall is between (%w)", c.Server, err)
	}
	defer func() { _ = conn.Close() }()
	if until, ok := ctx.Deadline(); ok {
		_ = conn.SetDeadline(until)
	} else {
		_ = conn.SetDeadline(time.Now().Add(mailTime))
	}
	if c.TLS == "tls" {
		secure := tls.Client(conn, &tls.Config{ServerName: host, RootCAs: roots, MinVersion: tls.VersionTLS12})
		if err := secure.HandshakeContext(ctx); err != nil {
			return fmt.Errorf("the mail server %s does not speak TLS as it should: set tls to starttls if it is not port 465, or ca_file (%w)", c.Server, err)
		}
		conn = secure
	}
	s, err := smtp.NewClient(conn, host)
	if err == nil {
		err = s.Hello("localhost")
	}
	if err != nil {
		return fmt.Errorf("what answers at %s is no mail server: see the address and tls (%w)", c.Server, err)
	}
	defer func() { _ = s.Quit() }()
	if c.TLS == "" || c.TLS == "starttls" {
		if ok, _ := s.Extension("STARTTLS"); !ok {
			return fmt.Errorf("the mail server %s offers no STARTTLS: set tls to tls or none", c.Server)
		}
	}
	return nil
}
