// Package client calls the JSON API of package api, for command lines without
// the database.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"planb/internal/outgoing"
	"planb/web/api"
)

// Client calls one server.
type Client struct {
	base, token string
	// reads tries again, changes never: one that was carried out may have lost
	// its answer.
	reads   *retryablehttp.Client
	changes *http.Client
}

// Error is an answer that is not what was asked for.
type Error struct {
	// Status is that of HTTP.
	Status int
	Text   string
}

// Error gives the sentence.
func (e *Error) Error() string { return e.Text }

// Options says which server, and as whom.
type Options struct {
	// URL is where its pages are, Token what `planb token add` printed.
	URL, Token string
	// Plain lets the token travel unencrypted.
	Plain bool
}

// New makes a client.
func New(o Options) (*Client, error) {
	u, err := url.Parse(o.URL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.RawQuery != "" || u.User != nil:
		return nil, fmt.Errorf("%q is not the address of PlanB's pages: write it as https://planb.example.com", o.URL)
	case u.Scheme == "http" && !o.Plain && !isLoopback(u.Hostname()):
		return nil, fmt.Errorf("%s would send the token unencrypted: give an https address, or say --insecure-http", o.URL)
	case o.Token == "":
		return nil, errors.New("there is no token: give one with --token-file FILE or PLANB_TOKEN; planb token add makes them")
	case strings.ContainsAny(o.Token, " \r\n\t"):
		return nil, errors.New("the token has a space or a line break in it: give just planb_…")
	}
	c := &Client{base: strings.TrimSuffix(o.URL, "/") + api.Prefix, token: o.Token}
	c.changes = &http.Client{CheckRedirect: outgoing.Stay, Timeout: 2 * time.Minute}
	c.reads = outgoing.NewClient(4, 0) // an archive takes as long as it takes
	c.reads.RetryWaitMin, c.reads.RetryWaitMax = 200*time.Millisecond, 2*time.Second
	return c, nil
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// get asks for something that may be asked for again.
func (c *Client) get(ctx context.Context, path string, q url.Values) (*http.Response, error) {
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	r, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, c.base+path, nil)
	if err != nil {
		return nil, err
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := c.reads.Do(r)
	return c.answer(resp, err)
}

// getJSON reads an answer into out.
func (c *Client) getJSON(ctx context.Context, path string, q url.Values, out any) error {
	resp, err := c.get(ctx, path, q)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	return decode(resp, out)
}

// send asks for a change, once, and reads the answer into out (nil for none).
func (c *Client) send(ctx context.Context, method, path string, body, out any) error {
	text := []byte("{}")
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, c.base+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	// Otherwise the transport would send it again on a new connection by itself.
	r.GetBody = nil
	r.Header.Set("Authorization", "Bearer "+c.token)
	r.Header.Set("Content-Type", "application/json")
	sent, err := c.changes.Do(r)
	resp, err := c.answer(sent, err)
	if err != nil {
		var told *Error
		if !errors.As(err, &told) {
			err = fmt.Errorf("%w; whether it was carried out is not known: look before you try again", err)
		}
		return err
	}
	defer resp.Body.Close()
	if out == nil {
		return nil
	}
	return decode(resp, out)
}

func decode(resp *http.Response, out any) error {
	if err := json.NewDecoder(resp.Body).Decode(out); err != nil {
		return fmt.Errorf("the answer of the server is not whole or not that of PlanB's API: %w", err)
	}
	return nil
}

// answer gives what is wrong with an answer as an error.
func (c *Client) answer(resp *http.Response, err error) (*http.Response, error) {
	if err != nil {
		return nil, fmt.Errorf("%s does not answer: %w", strings.TrimSuffix(c.base, api.Prefix), outgoing.WithoutURL(err))
	}
	if resp.StatusCode < 300 {
		return resp, nil
	}
	defer resp.Body.Close()
	var told struct {
		Error struct {
			Text string `json:"text"`
		} `json:"error"`
	}
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if json.Unmarshal(text, &told) != nil || told.Error.Text == "" {
		told.Error.Text = fmt.Sprintf("%s answers %s, not as PlanB does: check the address", strings.TrimSuffix(c.base, api.Prefix), resp.Status)
	}
	return nil, &Error{Status: resp.StatusCode, Text: told.Error.Text}
}
