package billing

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/go-retryablehttp"
)

const (
	// callTime bounds one request, and tries how often it is sent in one attempt.
	callTime = 30 * time.Second
	tries    = 3
	// mostAnswer is how much of an answer is read: enough for the errors of a
	// full batch.
	mostAnswer = 1 << 20
	// mostTold is how much of one is kept for people, in bytes.
	mostTold = 300
)

// userAgent is that of the first PlanB.
const userAgent = "PlanB"

// sender sends requests to one receiver.
type sender struct {
	name, url string
	client    *retryablehttp.Client
	header    http.Header
}

func newSender(name, address, contentType string) *sender {
	c := retryablehttp.NewClient()
	c.Logger = nil
	c.RetryMax, c.RetryWaitMin, c.RetryWaitMax = tries-1, time.Second, 5*time.Second
	c.Backoff = func(least, most time.Duration, attempt int, _ *http.Response) time.Duration {
		// Without the answer, whose Retry-After knows no bound: Temporal tries later.
		return retryablehttp.DefaultBackoff(least, most, attempt, nil)
	}
	c.ErrorHandler = retryablehttp.PassthroughErrorHandler
	c.HTTPClient.Timeout = callTime
	// A redirect would turn the post into a get, whose success is none.
	c.HTTPClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &sender{name: name, url: address, client: c, header: http.Header{
		"User-Agent": {userAgent}, "Content-Type": {contentType},
	}}
}

// answer is what a receiver said.
type answer struct {
	status int
	body   []byte
}

func (a answer) ok() bool { return a.status >= 200 && a.status < 300 }

// says gives the answer for people: one line, not long.
func (a answer) says() string {
	text := fmt.Sprintf("the receiver answered %d %s", a.status, http.StatusText(a.status))
	if body := oneLine(a.body); body != "" {
		text += ": " + body
	}
	if a.status >= 300 && a.status < 400 {
		text += ": set url to where it leads"
	}
	return text
}

func oneLine(body []byte) string {
	text := strings.Join(strings.Fields(strings.ToValidUTF8(string(body), "?")), " ")
	text = strings.ReplaceAll(text, "\x00", "?") // PostgreSQL keeps none
	if len(text) <= mostTold {
		return text
	}
	cut := mostTold
	for !utf8.RuneStart(text[cut]) {
		cut--
	}
	return text[:cut] + "…"
}

// post sends body; key is the idempotency key, or empty. An error means that
// what became of the request is not known.
func (s *sender) post(ctx context.Context, body []byte, key string) (answer, error) {
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return answer{}, fmt.Errorf("%s: url cannot be used", s.name)
	}
	req.Header = s.header.Clone()
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return answer{}, fmt.Errorf("%s: the receiver does not answer: %w", s.name, withoutURL(err))
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer))
	if err != nil {
		return answer{}, fmt.Errorf("%s: the answer broke off: %w", s.name, withoutURL(err))
	}
	return answer{resp.StatusCode, text}, nil
}

// withoutURL leaves the address out, in which there may be a secret.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// unanswered is an error for an answer after which the same is tried again.
func (s *sender) unanswered(a answer) error {
	return fmt.Errorf("%s: %s", s.name, a.says())
}

// refuses says whether the answer is about what was sent, and not about the
// receiver, who may, or who is let in.
func (a answer) refuses() bool {
	switch a.status {
	case http.StatusBadRequest, http.StatusConflict, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	}
	return false
}
