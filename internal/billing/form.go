package billing

import (
	"context"
	"net/url"
	"strconv"
	"strings"

	"planb/internal/config"
)

// The answers of the receiver of the first PlanB's form.
const (
	formOK     = "OK"
	formExists = "Backup history with this Name and Date already exists"
)

// form posts each sample as the first PlanB did: name, date, size, in bytes.
type form struct{ *sender }

func newForm(c config.BillingPoster) form {
	f := form{newSender(c.Name, c.URL, "application/x-www-form-urlencoded")}
	if c.Token != "" {
		f.header.Set("Authorization", "Token "+c.Token)
	}
	return f
}

// Name implements Poster.
func (f form) Name() string { return f.name }

// Batch implements Poster: the form is of one host.
func (form) Batch() int { return 1 }

// Post implements Poster.
func (f form) Post(ctx context.Context, samples []Sample) ([]Answer, error) {
	answers := make([]Answer, len(samples))
	for i, s := range samples {
		if s.Namesake != "" {
			answers[i].State = Refused
			answers[i].Error = "the form calls it " + s.Group + "-" + s.Host + ", as it does " + s.Namesake + ": rename one of the two"
			continue
		}
		body := url.Values{
			"name": {s.Group + "-" + s.Host}, "date": {s.Day}, "size": {strconv.FormatInt(s.Used, 10)},
		}.Encode()
		answers[i].Sent = body
		a, err := f.post(ctx, []byte(body), s.Key)
		if err != nil {
			return answers, err
		}
		text := strings.TrimSpace(string(a.body))
		switch {
		case strings.Contains(text, formExists):
			answers[i].State, answers[i].Existed = Posted, true
		case a.ok() && text == formOK:
			answers[i].State = Posted
		case a.ok() || a.refuses():
			answers[i].State, answers[i].Error = Refused, a.says()
		default:
			return answers, f.unanswered(a)
		}
	}
	return answers, nil
}
