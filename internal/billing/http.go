package billing

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hashicorp/go-retryablehttp"

	"planb/internal/outgoing"
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
	return &sender{name: name, url: address, client: outgoing.NewClient(tries, callTime), header: http.Header{
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
		return answer{}, fmt.Errorf("%s: the receiver does not answer: %w", s.name, outgoing.WithoutURL(err))
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer))
	if err != nil {
		return answer{}, fmt.Errorf("%s: the answer broke off: %w", s.name, outgoing.WithoutURL(err))
	}
	return answer{resp.StatusCode, text}, nil
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
