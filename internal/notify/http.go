package notify

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"planb/internal/outgoing"
)

const (
	// httpTime bounds one request, and httpTries how often it is sent in one attempt.
	httpTime  = 10 * time.Second
	httpTries = 2
)

func checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return errors.New("url must be one that starts with https:// or http://")
	}
	return nil
}

func newHTTPClient() *retryablehttp.Client { return outgoing.NewClient(httpTries, httpTime) }

// request sends req, and errors unless the answer is from 200 to 299. Its errors
// do not have the address, in which there may be a secret.
func request(client *retryablehttp.Client, req *retryablehttp.Request) error {
	req.Header.Set("User-Agent", "PlanB")
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("the receiver does not answer: %w", outgoing.WithoutURL(err))
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
		return nil
	case resp.StatusCode >= 300 && resp.StatusCode < 400:
		return fmt.Errorf("the receiver answered %s: set url to where it leads", resp.Status)
	}
	return fmt.Errorf("the receiver answered %s", resp.Status)
}
