package notify_test

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/config"
	"planb/internal/notify"
)

// answering is a server that begins with greeting, and answers each line with
// what answer gives. It keeps what it heard.
func answering(t *testing.T, greeting string, answer func(line string) string) (address string, heard chan string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	heard = make(chan string, 100)
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer func() { _ = conn.Close() }()
		_, _ = fmt.Fprint(conn, greeting)
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			heard <- lines.Text()
			_, _ = fmt.Fprint(conn, answer(lines.Text()))
		}
		close(heard)
	}()
	return l.Addr().String(), heard
}

func TestGreet(t *testing.T) {
	t.Parallel()
	channel := func(address, tls string) config.Channel {
		return config.Channel{Type: "mail", Server: address, TLS: tls, User: "planb", Password: "hunter2"}
	}
	starttls := func(line string) string {
		if strings.HasPrefix(line, "EHLO") {
			return "250-mail.example\r\n250 STARTTLS\r\n"
		}
		return "221 bye\r\n"
	}
	address, heard := answering(t, "220 mail.example\r\n", starttls)
	require.NoError(t, notify.Greet(t.Context(), channel(address, "")))
	var all []string
	for line := range heard {
		all = append(all, line)
	}
	require.Equal(t, []string{"EHLO localhost", "QUIT"}, all, "nobody signs in, and nothing is sent")

	plain := func(string) string { return "250 mail.example\r\n" }
	address, _ = answering(t, "220 mail.example\r\n", plain)
	require.ErrorContains(t, notify.Greet(t.Context(), channel(address, "starttls")), "offers no STARTTLS: set tls to tls or none")
	address, _ = answering(t, "220 mail.example\r\n", plain)
	require.NoError(t, notify.Greet(t.Context(), channel(address, "none")))
	address, _ = answering(t, "220 mail.example\r\n", plain)
	require.ErrorContains(t, notify.Greet(t.Context(), channel(address, "tls")), "does not speak TLS")
	address, _ = answering(t, "HTTP/1.1 400 Bad Request\r\n", plain)
	require.ErrorContains(t, notify.Greet(t.Context(), channel(address, "none")), "is no mail server")

	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, l.Close())
	err = notify.Greet(t.Context(), channel(l.Addr().String(), "none"))
	require.ErrorContains(t, err, "cannot be reached")
	require.NotContains(t, err.Error(), "hunter2")
	require.ErrorContains(t, notify.Greet(t.Context(), channel("mail.example", "none")), "give host:port")
}
