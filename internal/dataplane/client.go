package dataplane

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"planb/internal/tarball"
)

// ClientOptions says how to reach the data service of one storage server.
type ClientOptions struct {
	// BaseURL is http://host:port or https://host:port.
	BaseURL string
	Key     Key
	// Subject is who asks, for the server's log.
	Subject string
	// Server is the storage server's name, for messages.
	Server string
	// CAFile is a PEM file of the authority that signed the server's
	// certificate; empty means those of the system.
	CAFile string
	// Clock is time.Now unless given.
	Clock func() time.Time
}

// Client reads snapshots and run logs from one storage server. Its errors are
// *Error, of a kind that errors.Is can tell. It may be used by many goroutines.
type Client struct {
	o    ClientOptions
	http *retryablehttp.Client
}

// At names a place in the files of a host.
type At struct {
	Dataset string
	// Snap is a plain snapshot name, empty for the live files.
	Snap string
	// Path is the host's own, absolute, in raw bytes.
	Path string
}

// tokenLife is how long the client's tokens live; they are checked only when a
// call begins.
const tokenLife = 2 * time.Minute

// NewClient checks the options; it does not connect.
func NewClient(o ClientOptions) (*Client, error) {
	u, err := url.Parse(o.BaseURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.User != nil {
		return nil, fmt.Errorf("%q is not the address of a data service: give it as http://host:port or https://host:port", o.BaseURL)
	}
	if u.Scheme == "http" && !loopback(net.JoinHostPort(u.Hostname(), "0")) {
		return nil, fmt.Errorf("%s would send tokens and files in the clear: use https for a data service on another machine", o.BaseURL)
	}
	if !o.Key.ok() {
		return nil, fmt.Errorf("reading from the storage server %s needs its data key", o.Server)
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	o.BaseURL = strings.TrimRight(o.BaseURL, "/")
	tlsConfig := &tls.Config{MinVersion: tls.VersionTLS13}
	if o.CAFile != "" {
		pem, err := os.ReadFile(o.CAFile)
		if err != nil {
			return nil, fmt.Errorf("read the certificate authority of the data service: %w", err)
		}
		tlsConfig.RootCAs = x509.NewCertPool()
		if !tlsConfig.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate in PEM form", o.CAFile)
		}
	}
	c := retryablehttp.NewClient()
	c.Logger = nil
	c.RetryMax, c.RetryWaitMin, c.RetryWaitMax = 3, 200*time.Millisecond, time.Second
	c.CheckRetry = func(ctx context.Context, resp *http.Response, err error) (bool, error) {
		if ctx.Err() != nil {
			return false, context.Cause(ctx)
		}
		// What the server answered is final; only a connection that failed is
		// tried again, and a certificate does not get better by that.
		var cert *tls.CertificateVerificationError
		return err != nil && !errors.As(err, &cert), nil
	}
	c.ErrorHandler = retryablehttp.PassthroughErrorHandler
	c.HTTPClient = &http.Client{
		Transport: &http.Transport{
			DialContext:           (&net.Dialer{Timeout: 5 * time.Second}).DialContext,
			TLSClientConfig:       tlsConfig,
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: MaxLogWait + 30*time.Second,
			IdleConnTimeout:       time.Minute,
			MaxIdleConnsPerHost:   8,
			ForceAttemptHTTP2:     true,
			// Compressed, a range or a size would mean something else.
			DisableCompression: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return &Client{o: o, http: c}, nil
}

// Healthy says whether the service answers; the error is of ErrUnreachable.
func (c *Client) Healthy(ctx context.Context) error {
	resp, err := c.get(ctx, "/healthz", nil, "", nil)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// Stat gives one entry.
func (c *Client) Stat(ctx context.Context, at At) (Entry, error) {
	resp, err := c.getAt(ctx, OpStat, at, nil, nil)
	if err != nil {
		return Entry{}, err
	}
	defer resp.Body.Close()
	var e Entry
	if err := json.NewDecoder(resp.Body).Decode(&e); err != nil {
		return Entry{}, c.broken(err)
	}
	return e, nil
}

// Page is a part of a listing. Next is the raw name after which the next part
// starts; More says whether there is one.
type Page struct {
	Entries []Entry
	Next    string
	More    bool
}

// ListPage gives up to limit entries (0: DefaultListLimit) of the directory at,
// by the bytes of their names, after the given raw name. A path that is no
// directory lists itself.
func (c *Client) ListPage(ctx context.Context, at At, after string, limit int) (Page, error) {
	var p Page
	next, more, err := c.listPage(ctx, at, after, limit, func(e Entry) bool {
		p.Entries = append(p.Entries, e)
		return true
	})
	p.Next, p.More = next, more
	return p, err
}

// List gives all entries of the directory at, page by page. The first error
// ends it.
func (c *Client) List(ctx context.Context, at At) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for after := ""; ; {
			going := true
			next, more, err := c.listPage(ctx, at, after, MaxListLimit, func(e Entry) bool {
				going = yield(e, nil)
				return going
			})
			if err != nil && going {
				yield(Entry{}, err)
			}
			if err != nil || !going || !more {
				return
			}
			after = next
		}
	}
}

func (c *Client) listPage(ctx context.Context, at At, after string, limit int, each func(Entry) bool) (string, bool, error) {
	q := url.Values{}
	if after != "" {
		q.Set("after", after)
	}
	if limit > 0 {
		q.Set("limit", strconv.Itoa(limit))
	}
	resp, err := c.getAt(ctx, OpList, at, q, nil)
	if err != nil {
		return "", false, err
	}
	defer resp.Body.Close()
	dec := json.NewDecoder(bufio.NewReaderSize(resp.Body, 64<<10))
	for {
		var line listLine
		if err := dec.Decode(&line); err != nil {
			return "", false, c.broken(err)
		}
		switch {
		case line.Entry != nil:
			if !each(*line.Entry) {
				return "", false, nil
			}
		case line.End != nil:
			return string(line.End.Next), line.End.Next != nil, nil
		default:
			return "", false, c.broken(errors.New("a line of the listing is neither entry nor end"))
		}
	}
}

// Read gives the bytes of a regular file from offset on, at most length of them
// (negative: all). The caller closes it; a connection that breaks is an error of
// Read, never a silent end.
func (c *Client) Read(ctx context.Context, at At, offset, length int64) (io.ReadCloser, error) {
	if offset < 0 {
		return nil, badRequest("a file cannot be read from %d on", offset)
	}
	if length == 0 {
		return io.NopCloser(strings.NewReader("")), nil
	}
	h := http.Header{}
	if offset > 0 || length > 0 {
		r := fmt.Sprintf("bytes=%d-", offset)
		if length > 0 {
			r += strconv.FormatInt(offset+length-1, 10)
		}
		h.Set("Range", r)
	}
	resp, err := c.getAt(ctx, OpRead, at, nil, h)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		resp.Body.Close()
		return io.NopCloser(strings.NewReader("")), nil
	}
	return &stream{c: c, resp: resp}, nil
}

// Tar gives an archive (PAX) of the paths, all of at's snapshot if none are
// named; at.Path is not looked at. The caller closes it. Its end is io.EOF only
// if the server wrote all of it.
func (c *Client) Tar(ctx context.Context, at At, paths ...string) (io.ReadCloser, error) {
	return c.Archive(ctx, at, tarball.Plain, paths...)
}

// Archive is Tar with the archive compressed on the way.
func (c *Client) Archive(ctx context.Context, at At, format tarball.Format, paths ...string) (io.ReadCloser, error) {
	q := url.Values{"dataset": {at.Dataset}, "snap": {at.Snap}, "path": paths}
	if format != tarball.Plain {
		q.Set("compress", string(format))
	}
	resp, err := c.get(ctx, "/v1/tar", q, OpTar, nil)
	if err != nil {
		return nil, err
	}
	return &stream{c: c, resp: resp, trailer: true}, nil
}

// LogChunk is a part of a run's log.
type LogChunk struct {
	Data []byte
	// Offset is where Data starts, Next where the next part does, Size how long
	// the log is now; bytes.
	Offset, Next, Size int64
}

// Log gives a part of a run's log from offset on (negative: from the end), at
// most MaxLogChunk bytes. Where there is nothing yet it waits up to wait, which
// counts in whole seconds up to MaxLogWait, and then gives an empty part, or
// ErrNotFound if there is no log at all.
func (c *Client) Log(ctx context.Context, run string, offset int64, wait time.Duration) (LogChunk, error) {
	q := url.Values{
		"run": {run}, "offset": {strconv.FormatInt(offset, 10)},
		"wait": {strconv.Itoa(int(min(wait, MaxLogWait) / time.Second))},
	}
	resp, err := c.get(ctx, "/v1/log", q, OpLog, nil)
	if err != nil {
		return LogChunk{}, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, MaxLogChunk+1))
	if err != nil {
		return LogChunk{}, c.broken(err)
	}
	from, err1 := strconv.ParseInt(resp.Header.Get(headerOffset), 10, 64)
	size, err2 := strconv.ParseInt(resp.Header.Get(headerSize), 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return LogChunk{}, c.broken(err)
	}
	return LogChunk{Data: data, Offset: from, Next: from + int64(len(data)), Size: size}, nil
}

func (c *Client) getAt(ctx context.Context, op Op, at At, q url.Values, h http.Header) (*http.Response, error) {
	if q == nil {
		q = url.Values{}
	}
	q.Set("dataset", at.Dataset)
	q.Set("snap", at.Snap)
	q.Set("path", at.Path)
	return c.get(ctx, "/v1/"+string(op), q, op, h)
}

// get makes one call with a token for just that call, and turns every answer but
// a good one into an *Error.
func (c *Client) get(ctx context.Context, route string, q url.Values, op Op, h http.Header) (*http.Response, error) {
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, c.o.BaseURL+route+"?"+q.Encode(), nil)
	if err != nil {
		return nil, badRequest("%v", err)
	}
	for k, v := range h {
		req.Header[k] = v
	}
	if op != "" {
		req.Header.Set("Authorization", "Bearer "+Sign(c.o.Key, Claims{
			Subject: c.o.Subject, Dataset: q.Get("dataset"), Run: q.Get("run"),
			Ops: []Op{op}, Expires: c.o.Clock().Add(tokenLife),
		}))
	}
	resp, err := c.http.Do(req)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			return nil, cause
		}
		return nil, c.unreachable(err)
	}
	switch resp.StatusCode {
	case http.StatusOK, http.StatusPartialContent, http.StatusRequestedRangeNotSatisfiable:
		return resp, nil
	}
	defer resp.Body.Close()
	var answer struct {
		Error wireError `json:"error"`
	}
	err = json.NewDecoder(io.LimitReader(resp.Body, 64<<10)).Decode(&answer)
	if err != nil || answer.Error.Kind == "" {
		return nil, &Error{Kind: ErrServer, Message: fmt.Sprintf("what answers at %s (%s) is not PlanB's data service", c.o.BaseURL, resp.Status)}
	}
	return nil, fromWire(answer.Error)
}
