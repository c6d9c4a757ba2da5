package mailcatch

import (
	"errors"
	"io"
	"strings"
	"time"

	_ "github.com/emersion/go-message/charset" // what is not UTF-8
	"github.com/emersion/go-message/mail"
)

// Letter is a mail as a reader sees it.
type Letter struct {
	Name, From, To, Subject string
	At                      time.Time
	// Text and HTML are its two forms; either may be missing.
	Text, HTML string
}

// Read reads a mail of the maildir.
func (d Maildir) Read(name string) (Letter, error) {
	f, err := d.Open(name)
	if err != nil {
		return Letter{}, err
	}
	defer f.Close()
	l, err := readLetter(f)
	l.Name = name
	return l, err
}

func readLetter(r io.Reader) (l Letter, err error) {
	m, err := mail.CreateReader(r)
	if err != nil {
		return l, err
	}
	defer m.Close()
	l.From, l.To = addresses(m.Header, "From"), addresses(m.Header, "To")
	l.Subject, _ = m.Header.Subject() // as it came, where it cannot be decoded
	l.At, _ = m.Header.Date()
	for {
		part, err := m.NextPart()
		if errors.Is(err, io.EOF) {
			return l, nil
		}
		if err != nil {
			return l, err
		}
		h, inline := part.Header.(*mail.InlineHeader)
		if !inline {
			continue
		}
		text, err := io.ReadAll(io.LimitReader(part.Body, mostMail))
		if err != nil {
			return l, err
		}
		switch kind, _, _ := h.ContentType(); kind {
		case "text/plain":
			l.Text += string(text)
		case "text/html":
			l.HTML += string(text)
		}
	}
}

func addresses(h mail.Header, field string) string {
	list, err := h.AddressList(field)
	if err != nil {
		return h.Get(field)
	}
	texts := make([]string, len(list))
	for i, a := range list {
		texts[i] = a.Address
	}
	return strings.Join(texts, ", ")
}
