package mailcatch

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	gomail "github.com/wneessen/go-mail"
)

// start runs a catcher until the test ends.
func start(t *testing.T, dir Maildir) (smtpAt, web string) {
	t.Helper()
	var doors [2]net.Listener
	for i := range doors {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		doors[i] = l
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Serve(ctx, dir, doors[0], doors[1]) }()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-ended)
	})
	return doors[0].Addr().String(), "http://" + doors[1].Addr().String()
}

func send(t *testing.T, at string, m *gomail.Msg) {
	t.Helper()
	addr, err := net.ResolveTCPAddr("tcp", at)
	require.NoError(t, err)
	c, err := gomail.NewClient("127.0.0.1", gomail.WithPort(addr.Port), gomail.WithTLSPolicy(gomail.NoTLS), gomail.WithTimeout(10*time.Second))
	require.NoError(t, err)
	require.NoError(t, c.DialAndSendWithContext(t.Context(), m))
}

func get(t *testing.T, url string) (int, http.Header, string) {
	t.Helper()
	r, err := http.Get(url) //nolint:gosec,noctx // the test's own server
	require.NoError(t, err)
	defer r.Body.Close()
	text, err := io.ReadAll(r.Body)
	require.NoError(t, err)
	return r.StatusCode, r.Header, string(text)
}

func TestMailsAreKeptAndShown(t *testing.T) {
	t.Parallel()
	dir := Maildir(filepath.Join(t.TempDir(), "mail"))
	at, web := start(t, dir)
	_, _, text := get(t, web)
	require.Contains(t, text, "None yet.")

	m := gomail.NewMsg()
	require.NoError(t, m.From("planb@example.com"))
	require.NoError(t, m.To("ops@example.com"))
	m.Subject("gelukt: <b>acme/web1</b> ✓")
	m.SetDate()
	m.SetBodyString(gomail.TypeTextPlain, "Its first good backup.\n.\nThe end\n")
	m.AddAlternativeString(gomail.TypeTextHTML, "<p>Its first <script>alert(1)</script> good backup.</p>")
	send(t, at, m)

	names, err := dir.Names()
	require.NoError(t, err)
	require.Len(t, names, 1)
	l, err := dir.Read(names[0])
	require.NoError(t, err)
	require.Equal(t, "gelukt: <b>acme/web1</b> ✓", l.Subject)
	require.Equal(t, "ops@example.com", l.To)
	require.Contains(t, l.Text, "The end")
	require.WithinDuration(t, time.Now(), l.At, time.Minute)

	_, _, text = get(t, web)
	require.Contains(t, text, "gelukt: &lt;b&gt;acme/web1&lt;/b&gt; ✓")
	status, header, text := get(t, web+"/mail/"+names[0])
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, header.Get("Content-Security-Policy"), "default-src 'none'")
	require.Contains(t, text, "Its first good backup.")
	_, header, text = get(t, web+"/mail/"+names[0]+"/html")
	require.Contains(t, header.Get("Content-Security-Policy"), "sandbox; default-src 'none'")
	require.Contains(t, text, "<script>", "as it is, where nothing runs it")
	_, header, text = get(t, web+"/mail/"+names[0]+"/source")
	require.Contains(t, header.Get("Content-Type"), "text/plain")
	require.Contains(t, text, "Delivered-To: ops@example.com")
	status, _, _ = get(t, web+"/mail/none")
	require.Equal(t, http.StatusNotFound, status)
	status, _, _ = get(t, web+"/mail/..%2f..%2fsecret")
	require.NotEqual(t, http.StatusOK, status)
	left, err := os.ReadDir(filepath.Join(string(dir), "tmp"))
	require.NoError(t, err)
	require.Empty(t, left)
}
