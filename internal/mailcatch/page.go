package mailcatch

import (
	"embed"
	"errors"
	"html/template"
	"io"
	"net/http"
	"os"
)

//go:embed pages.html
var pages embed.FS

var templates = template.Must(template.ParseFS(pages, "pages.html"))

// mostListed is how many mails the page lists.
const mostListed = 200

// Handler shows the mails of a maildir. A mail's own HTML is shown without
// scripts, and loads nothing.
func Handler(dir Maildir) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		names, err := dir.Names()
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		var list []Letter
		for _, name := range names[:min(len(names), mostListed)] {
			l, err := dir.Read(name)
			if err != nil {
				l = Letter{Name: name, Subject: "this mail cannot be read: " + err.Error()}
			}
			list = append(list, l)
		}
		show(w, "list", list)
	})
	mux.HandleFunc("GET /mail/{name}", func(w http.ResponseWriter, r *http.Request) {
		if l, ok := found(w, dir, r); ok {
			show(w, "mail", l)
		}
	})
	mux.HandleFunc("GET /mail/{name}/html", func(w http.ResponseWriter, r *http.Request) {
		if l, ok := found(w, dir, r); ok {
			headers(w, "text/html; charset=utf-8", "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'")
			_, _ = io.WriteString(w, l.HTML) // who is gone reads nothing
		}
	})
	mux.HandleFunc("GET /mail/{name}/source", func(w http.ResponseWriter, r *http.Request) {
		f, err := dir.Open(r.PathValue("name"))
		if err != nil {
			http.NotFound(w, r)
			return
		}
		defer f.Close()
		headers(w, "text/plain; charset=utf-8", "sandbox; default-src 'none'")
		_, _ = io.Copy(w, f) // who is gone reads nothing
	})
	return mux
}

func found(w http.ResponseWriter, dir Maildir, r *http.Request) (Letter, bool) {
	l, err := dir.Read(r.PathValue("name"))
	switch {
	case errors.Is(err, os.ErrNotExist):
		http.NotFound(w, r)
	case err != nil:
		http.Error(w, "this mail cannot be read: "+err.Error(), http.StatusInternalServerError)
	}
	return l, err == nil
}

func show(w http.ResponseWriter, name string, v any) {
	headers(w, "text/html; charset=utf-8", "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; frame-ancestors 'none'")
	_ = templates.ExecuteTemplate(w, name, v) // who is gone reads nothing
}

func headers(w http.ResponseWriter, kind, policy string) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Security-Policy", policy)
	w.Header().Set("X-Content-Type-Options", "nosniff")
}
