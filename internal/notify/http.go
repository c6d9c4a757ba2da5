package notify

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"
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

func newHTTPClient() *retryablehttp.Client {
	client := retryablehttp.NewClient()
	client.Logger = nil
	client.RetryMax, client.RetryWaitMin, client.RetryWaitMax = httpTries-1, time.Second, 5*time.Second
	client.Backoff = func(least, most time.Duration, attempt int, _ *http.Response) time.Duration {
		// Without the answer, whose Retry-After knows no bound: Temporal tries later.
		return retryablehttp.DefaultBackoff(least, most, attempt, nil)
	}
	client.ErrorHandler = retryablehttp.PassthroughErrorHandler
	client.HTTPClient.Timeout = httpTime
	// A redirect would turn a post into a get, or end at a page to sign in: its
	// success is none.
	client.HTTPClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return client
}

// request sends req, and errors unless the answer is from 200 to 299. Its errors
// do not have the address, in which there may be a secret.
func request(client *retryablehttp.Client, req *retryablehttp.Request) error {
	req.Header.Set("User-Agent", "PlanB")
	resp, err := client.Do(req)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return fmt.Errorf("the receiver does not answer: %w", err)
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
