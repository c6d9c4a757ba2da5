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
	"net/http"
	"strconv"
	"time"

	"github.com/hashicorp/go-retryablehttp"

	"planb/internal/config"
)

// leastSecret is the least length of a webhook's secret in characters.
const leastSecret = 16

// webhook posts a notice as JSON, signed.
type webhook struct {
	url    string
	secret []byte
	client *retryablehttp.Client
	now    func() time.Time
}

var webhookType = channelType{create: newWebhook, settings: []string{"url", "url_file", "secret", "secret_file"}}

func newWebhook(c config.Channel) (Channel, error) {
	if err := checkURL(c.URL); err != nil {
		return nil, err
	}
	if len(c.Secret) < leastSecret {
		return nil, fmt.Errorf("it needs a secret of at least %d characters: make one with `openssl rand -hex 32` and set secret_file", leastSecret)
	}
	return &webhook{c.URL, []byte(c.Secret), newHTTPClient(), time.Now}, nil
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
	req.Header.Set("Idempotency-Key", n.Key)
	req.Header.Set("PlanB-Signature", "t="+at+",v1="+sign(w.secret, at, body))
	return request(w.client, req)
}

// sign gives the HMAC-SHA256 of "<time>.<body>", in hex.
func sign(secret []byte, at string, body []byte) string {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(at + "."))
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil))
}
