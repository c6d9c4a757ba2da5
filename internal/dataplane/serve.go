package dataplane

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// ListenOptions says where a worker listens.
type ListenOptions struct {
	// Addr is host:port. A host other than loopback needs the certificate.
	Addr string
	// CertFile and KeyFile are PEM files; together or not at all.
	CertFile, KeyFile string
	// Ready, when set, is called with the real address once connections are
	// taken: the port may have been 0.
	Ready func(net.Addr)
	// Log gets what the HTTP server itself complains of.
	Log *slog.Logger
}

// drain is how long running answers may take once Serve is told to end.
const drain = 5 * time.Second

// Serve answers on o.Addr until ctx ends, and returns nil then.
func Serve(ctx context.Context, o ListenOptions, h http.Handler) error {
	if (o.CertFile == "") != (o.KeyFile == "") {
		return errors.New("the data service needs both a certificate and its key, or neither")
	}
	if o.CertFile == "" && !loopback(o.Addr) {
		return fmt.Errorf("the data service will not listen on %s without TLS: give it a certificate and key, or a loopback address", o.Addr)
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog:    slog.NewLogLogger(o.Log.Handler(), slog.LevelWarn),
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	if o.CertFile != "" {
		cert, err := tls.LoadX509KeyPair(o.CertFile, o.KeyFile)
		if err != nil {
			return fmt.Errorf("load the data service's certificate: %w", err)
		}
		srv.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{cert}}
	}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Addr)
	if err != nil {
		return fmt.Errorf("the data service cannot listen: %w", err)
	}
	if o.Ready != nil {
		o.Ready(ln.Addr())
	}
	ended := make(chan error, 1)
	go func() {
		if srv.TLSConfig != nil {
			ended <- srv.ServeTLS(ln, "", "")
		} else {
			ended <- srv.Serve(ln)
		}
	}()
	select {
	case err := <-ended:
		return fmt.Errorf("the data service ended: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), drain)
	defer cancel()
	if err := srv.Shutdown(last); err != nil {
		_ = srv.Close()
	}
	if err := <-ended; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("the data service ended: %w", err)
	}
	return nil
}

// loopback says whether addr can be reached from this machine only.
func loopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
