package report

import (
	"bytes"
	"embed"
	htmltemplate "html/template"
	"strings"
	texttemplate "text/template"
	"unicode/utf8"
)

//go:embed templates
var files embed.FS

var (
	textTemplate = texttemplate.Must(texttemplate.New("report.txt").Funcs(texttemplate.FuncMap{
		"table": table, "underline": underline,
	}).ParseFS(files, "templates/report.txt"))
	htmlTemplate = htmltemplate.Must(htmltemplate.New("report.html").ParseFS(files, "templates/report.html"))
)

// Text gives the document as plain text.
func (d Doc) Text() (string, error) {
	var out bytes.Buffer
	if err := textTemplate.Execute(&out, d); err != nil {
		return "", err
	}
	return out.String(), nil
}

// HTML gives the document as a page of its own that fetches nothing.
func (d Doc) HTML() (string, error) {
	var out bytes.Buffer
	if err := htmlTemplate.Execute(&out, d); err != nil {
		return "", err
	}
	return out.String(), nil
}

func underline(s string) string { return strings.Repeat("-", utf8.RuneCountInString(s)) }

// table sets the columns of a section below each other, with the notes of a row
// beneath it.
func table(s Section) string {
	if len(s.Columns) == 0 {
		return ""
	}
	head := make([]string, len(s.Columns))
	for i, c := range s.Columns {
		head[i] = strings.ToUpper(c.Name)
	}
	width := make([]int, len(s.Columns))
	widen := func(cells []string) {
		for i, cell := range cells {
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	widen(head)
	for _, r := range s.Rows {
		widen(r.Cells)
	}
	var out strings.Builder
	line := func(cells []string) {
		var text strings.Builder
		for i, cell := range cells {
			if i > 0 {
				text.WriteString("  ")
			}
			pad := strings.Repeat(" ", width[i]-utf8.RuneCountInString(cell))
			if s.Columns[i].Number {
				text.WriteString(pad + cell)
			} else {
				text.WriteString(cell + pad)
			}
		}
		out.WriteString(strings.TrimRight(text.String(), " ") + "\n")
	}
	line(head)
	for _, r := range s.Rows {
		line(r.Cells)
		for _, note := range r.Notes {
			out.WriteString("    " + note + "\n")
		}
	}
	return out.String()
}
