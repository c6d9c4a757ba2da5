package dataplane

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestServeRefusesTheNetworkWithoutTLS(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{":7480", "0.0.0.0:7480", "[::]:0", "192.0.2.1:80", "store1.example:7480", "127.0.0.1.example:1", "nonsense"} {
		err := Serve(t.Context(), ListenOptions{Addr: addr}, http.NotFoundHandler())
		require.ErrorContains(t, err, "will not listen on "+addr+" without TLS")
	}
	err := Serve(t.Context(), ListenOptions{Addr: "127.0.0.1:0", CertFile: "x"}, http.NotFoundHandler())
	require.ErrorContains(t, err, "both a certificate and its key")
	err = Serve(t.Context(), ListenOptions{Addr: "127.0.0.1:0", CertFile: "/nope", KeyFile: "/nope"}, http.NotFoundHandler())
	require.ErrorContains(t, err, "certificate")
	for addr, want := range map[string]bool{"127.0.0.1:1": true, "127.9.9.9:1": true, "[::1]:1": true, "localhost:1": true, ":1": false} {
		require.Equal(t, want, loopback(addr), addr)
	}
}

// serve runs Serve until the test or stop ends it, and gives the address.
func serve(t *testing.T, o ListenOptions, h http.Handler) (addr string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan string, 1), make(chan error, 1)
	o.Ready = func(a net.Addr) { ready <- a.String() }
	go func() { ended <- Serve(ctx, o, h) }()
	select {
	case addr = <-ready:
	case err := <-ended:
		t.Fatal(err)
	}
	stop = func() error {
		cancel()
		err := <-ended
		ended <- err
		return err
	}
	t.Cleanup(func() { require.NoError(t, stop()) })
	return addr, stop
}

func TestServeAnswersAndEnds(t *testing.T) {
	t.Parallel()
	h := Handler(Options{Key: testKey(t), Snapshots: dirs{}, RunsDir: t.TempDir()})
	addr, stop := serve(t, ListenOptions{Addr: "127.0.0.1:0"}, h)
	c, err := NewClient(ClientOptions{BaseURL: "http://" + addr, Key: testKey(t), Server: "store1"})
	require.NoError(t, err)
	require.NoError(t, c.Healthy(t.Context()))
	// A waiting call does not hold up the end.
	waiting := make(chan error, 1)
	go func() {
		_, err := c.Log(t.Context(), testRun, 0, MaxLogWait)
		waiting <- err
	}()
	require.NoError(t, stop())
	require.Error(t, <-waiting)
	err = c.Healthy(t.Context())
	require.ErrorIs(t, err, ErrUnreachable)
	require.EqualError(t, err, "the storage worker of server store1 does not answer at http://"+addr+": start planb worker there (connect: connection refused)")
}

func TestServeWithTLS(t *testing.T) {
	t.Parallel()
	cert, key := selfSigned(t)
	view := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(view, DataDir, "etc"), 0o755))
	h := Handler(Options{
		Key: testKey(t), Snapshots: dirs{testDataset + "@" + testSnap: view}, Storages: []string{testStorage}, RunsDir: t.TempDir(),
	})
	addr, _ := serve(t, ListenOptions{Addr: "127.0.0.1:0", CertFile: cert, KeyFile: key}, h)
	c, err := NewClient(ClientOptions{BaseURL: "https://" + addr, Key: testKey(t), CAFile: cert})
	require.NoError(t, err)
	require.NoError(t, c.Healthy(t.Context()))
	// The end of an archive is told in a trailer, which HTTP/2 does its own way.
	r, err := c.Tar(t.Context(), in(""), "/etc")
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	stranger, err := NewClient(ClientOptions{BaseURL: "https://" + addr, Key: testKey(t)})
	require.NoError(t, err)
	err = stranger.Healthy(t.Context())
	require.ErrorIs(t, err, ErrUnreachable)
	require.ErrorContains(t, err, "certificate")
}

func TestClientRefusesBadAddresses(t *testing.T) {
	t.Parallel()
	for url, text := range map[string]string{
		"":                        "not the address",
		"127.0.0.1:7480":          "not the address",
		"ftp://127.0.0.1:7480":    "not the address",
		"http://u:p@127.0.0.1:1":  "not the address",
		"http://192.0.2.1:7480":   "in the clear",
		"http://store1.corp:7480": "in the clear",
	} {
		_, err := NewClient(ClientOptions{BaseURL: url, Key: testKey(t)})
		require.ErrorContains(t, err, text, url)
	}
	_, err := NewClient(ClientOptions{BaseURL: "http://127.0.0.1:1", Server: "store1"})
	require.ErrorContains(t, err, "needs its data key")
}

// Whatever else answers at the address gets neither believed nor followed.
func TestSomethingElseAnswers(t *testing.T) {
	t.Parallel()
	addr, _ := serve(t, ListenOptions{Addr: "127.0.0.1:0"}, http.RedirectHandler("http://127.0.0.1:1/", http.StatusFound))
	c, err := NewClient(ClientOptions{BaseURL: "http://" + addr, Key: testKey(t)})
	require.NoError(t, err)
	_, err = c.Stat(t.Context(), in("/"))
	require.ErrorIs(t, err, ErrServer)
	require.ErrorContains(t, err, "is not PlanB's data service")
}

func selfSigned(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "store1"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	require.NoError(t, err)
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	require.NoError(t, os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600))
	return certFile, keyFile
}
