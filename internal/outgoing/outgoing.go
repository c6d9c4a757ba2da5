// Package outgoing calls other people's servers over HTTP: a few tries, bounded
// in time, to the address that was named and nowhere else.
package outgoing

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// NewClient makes a client that sends a request so many times at the most, each
// no longer than most; 0 is no bound. Whatever the server answers at last is the
// answer.
func NewClient(tries int, most time.Duration) *retryablehttp.Client {
	c := retryablehttp.NewClient()
	c.Logger = nil
	c.RetryMax, c.RetryWaitMin, c.RetryWaitMax = tries-1, time.Second, 5*time.Second
	c.Backoff = func(least, most time.Duration, attempt int, _ *http.Response) time.Duration {
		// Without the answer, whose Retry-After knows no bound.
		return retryablehttp.DefaultBackoff(least, most, attempt, nil)
	}
	c.ErrorHandler = retryablehttp.PassthroughErrorHandler
	c.HTTPClient.Timeout = most
	c.HTTPClient.CheckRedirect = Stay
	return c
}

// Stay follows no redirect: it would turn a post into a get, whose success is
// none, and carry a token to where the server points.
func Stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// WithoutURL leaves the address out of an error, in which there may be a secret.
func WithoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
