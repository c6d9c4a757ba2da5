package billing

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"text/template"

	"planb/internal/config"
)

// own posts each sample as a JSON text that the configuration has a template of.
type own struct {
	*sender
	text *template.Template
	// exists is what the receiver says of what it has already, besides 409.
	exists string
}

// functions are those of templates: json writes a value so that it cannot leave
// its place in the text, gib gives bytes in GiB.
var functions = template.FuncMap{
	"json": func(v any) (string, error) {
		text, err := json.Marshal(v)
		return string(text), err
	},
	"gib": func(bytes int64) float64 { return float64(bytes) / (1 << 30) },
}

func newTemplate(c config.BillingPoster) (*own, error) {
	if strings.TrimSpace(c.Template) == "" {
		return nil, errors.New("needs the text to post: set template_file or template")
	}
	t, err := template.New(c.Name).Funcs(functions).Parse(c.Template)
	if err != nil {
		return nil, fmt.Errorf("its template cannot be read: %w", err)
	}
	o := &own{sender: newSender(c.Name, c.URL, "application/json"), text: t, exists: c.Exists}
	if c.Token != "" {
		o.header.Set("Authorization", "Bearer "+c.Token)
	}
	n := int64(1)
	for _, s := range []Sample{
		// With all that may be known, and with all that may not.
		{Key: "2026-11-27/id", Day: "2026-11-27", Group: "acme", Host: "web1", HostID: "id", Enabled: true, Used: 2, Referenced: 1, LogicalUsed: &n, Snapshots: 1, Files: &n},
		{Key: "2026-11-27/id", Day: "2026-11-27", Group: "acme", Host: "web1", HostID: "id", Late: true},
	} {
		if _, err := o.body(s); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// body fills the template in for a sample.
func (o *own) body(s Sample) ([]byte, error) {
	var out bytes.Buffer
	if err := o.text.Execute(&out, s); err != nil {
		return nil, fmt.Errorf("its template cannot be filled in: %w", err)
	}
	body := bytes.TrimSpace(out.Bytes())
	if !json.Valid(body) {
		return nil, fmt.Errorf("its template does not make JSON but %s: write values with {{json .Host}}", oneLine(body))
	}
	return body, nil
}

// Name implements Poster.
func (o *own) Name() string { return o.name }

// Batch implements Poster.
func (*own) Batch() int { return 1 }

// Post implements Poster.
func (o *own) Post(ctx context.Context, samples []Sample) ([]Answer, error) {
	answers := make([]Answer, len(samples))
	for i, s := range samples {
		body, err := o.body(s)
		if err != nil {
			answers[i].State, answers[i].Error = Refused, err.Error()
			continue
		}
		answers[i].Sent = string(body)
		a, err := o.post(ctx, body, s.Key)
		if err != nil {
			return answers, err
		}
		switch {
		case o.hasIt(a):
			answers[i].State, answers[i].Existed = Posted, true
		case a.ok():
			answers[i].State = Posted
		case a.refuses():
			answers[i].State, answers[i].Error = Refused, a.says()
		default:
			return answers, o.unanswered(a)
		}
	}
	return answers, nil
}

func (o *own) hasIt(a answer) bool {
	return a.status == http.StatusConflict || o.exists != "" && bytes.Contains(a.body, []byte(o.exists))
}
