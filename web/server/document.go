package server

import (
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
)

// FramesDocuments lets the page that is answered with show documents of this
// server in frames.
func FramesDocuments(w http.ResponseWriter) {
	w.Header().Set("Content-Security-Policy", securityPolicy+"; frame-src 'self'")
}

// Document answers with a document of its own, such as one that was mailed, to be
// shown in a frame of a page. Nothing in it runs or is fetched; of styles it has
// the one in its first style element; its links lead the page around it.
func Document(w http.ResponseWriter, html string) error {
	style := "'none'"
	if _, rest, ok := strings.Cut(html, "<style>"); ok {
		text, _, _ := strings.Cut(rest, "</style>")
		sum := sha256.Sum256([]byte(text))
		style = "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "sandbox allow-top-navigation-by-user-activation; default-src 'none'; style-src "+style+
		"; form-action 'none'; frame-ancestors 'self'; base-uri 'none'")
	h.Set("X-Frame-Options", "SAMEORIGIN")
	_, _ = io.WriteString(w, html) // who is gone reads nothing
	return nil
}
