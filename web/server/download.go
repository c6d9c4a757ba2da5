package server

import (
	"mime"
	"net/http"
	"path"
	"strings"
)

// Download announces that what follows is a file to be saved under the last
// part of name: whatever it holds, no browser shows or runs it here.
func Download(w http.ResponseWriter, name string) {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || strings.ContainsRune(`\/:*?"<>|`, r) {
			return '_'
		}
		return r
	}, strings.ToValidUTF8(path.Base(path.Clean("/"+name)), "_"))
	if strings.Trim(name, "._ ") == "" {
		name = "download"
	}
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	h.Set("Content-Security-Policy", "sandbox; default-src 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
}
