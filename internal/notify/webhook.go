package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"planb/internal/config"
)

const (
	// hookTime bounds one request, and hookTries how often it is sent in one attempt.
	hookTime  = 10 * time.Second
	hookTries = 2
	// leastSecret is the least length of a webhook's secret in characters.
	leastSecret = 16
)

// webhook posts a notice as JSON, signed.
type webhook struct {
	url    string
	secret []byte
	client *retryablehttp.Client
	now    func() time.Time
}

func newWebhook(c config.Channel) (Channel, error) {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
		return nil, errors.New("url must be one that starts with https:// or http://")
	}
	if len(c.Secret) < leastSecret {
		return nil, fmt.Errorf("it needs a secret of at least %d characters: make one with `openssl rand -hex 32` and set secret_file", leastSecret)
	}
	client := retryablehttp.NewClient()
	client.Logger = nil
	client.RetryMax, client.RetryWaitMin, client.RetryWaitMax = hookTries-1, time.Second, 5*time.Second
	client.Backoff = func(least, most time.Duration, attempt int, _ *http.Response) time.Duration {
		// Without the answer, whose Retry-After knows no bound: Temporal tries later.
		return retryablehttp.DefaultBackoff(least, most, attempt, nil)
	}
	client.ErrorHandler = retryablehttp.PassthroughErrorHandler
	client.HTTPClient.Timeout = hookTime
	// A redirect would turn the post into a get, whose success is none.
	client.HTTPClient.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &webhook{c.URL, []byte(c.Secret), client, time.Now}, nil
}

// Recipients implements Channel.
func (*webhook) Recipients([]string) []string { return []string{""} }

// Send implements Channel.
func (w *webhook) Send(ctx context.Context, _ string, n Notice) error {
	body, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("writing a notice: %w", err)
	}
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return errors.New("the webhook's url cannot be used")
	}
	at := strconv.FormatInt(w.now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "PlanB")
	req.Header.Set("Idempotency-Key", n.Key)
	req.Header.Set("PlanB-Signature", "t="+at+",v1="+sign(w.secret, at, body))
	resp, err := w.client.Do(req)
	if err != nil {
		var u *url.Error // in whose address there may be a secret
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

// sign gives the HMAC-SHA256 of "<time>.<body>", in hex.
func sign(secret []byte, at string, body []byte) string {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(at + "."))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}
