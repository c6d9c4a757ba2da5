package notify

import (
	"embed"
	"fmt"
	"html/template"
	"strings"
	texttemplate "text/template"
	"unicode"
)

//go:embed templates
var files embed.FS

var (
	textMessage = texttemplate.Must(texttemplate.ParseFS(files, "templates/notice.txt"))
	htmlMessage = template.Must(template.ParseFS(files, "templates/notice.html"))
)

// message is a notice in words.
type message struct{ subject, text, html string }

func messageOf(n Notice) (message, error) {
	for _, s := range []*string{&n.Host, &n.Group, &n.Title, &n.Cause, &n.Remedy, &n.URL, &n.Run} {
		*s = visible(*s)
	}
	m := message{subject: n.Title}
	if n.Host != "" && !strings.Contains(n.Title, n.Host) {
		m.subject = n.Host + ": " + n.Title
	}
	m.subject = "[PlanB] " + m.subject
	var text, html strings.Builder
	if err := textMessage.Execute(&text, n); err != nil {
		return m, fmt.Errorf("writing a notice: %w", err)
	}
	if err := htmlMessage.Execute(&html, n); err != nil {
		return m, fmt.Errorf("writing a notice: %w", err)
	}
	m.text, m.html = text.String(), html.String()
	return m, nil
}

// visible shows as an escape what would move a cursor, end a line or turn the
// direction of a text: names of files may have any of it.
func visible(s string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		switch {
		case unicode.IsPrint(r):
			b.WriteRune(r)
		case r < 0x80:
			fmt.Fprintf(&b, `\x%02x`, r)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
