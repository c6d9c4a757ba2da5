// Package static holds the style sheets, scripts and images of the pages. Each
// is served under a name that carries a hash of its content, so that browsers
// may keep it for good.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

//go:embed lib/*.css lib/*.js *.css *.svg
var files embed.FS

// Prefix begins the path of every file.
const Prefix = "/static/"

// file is one of them, ready to be sent.
type file struct {
	contentType, etag string
	plain, zipped     []byte
}

var types = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

// all gives the files by the name they are served under, and those names by
// the names they have here.
var all = sync.OnceValues(func() (byURL map[string]file, urls map[string]string) {
	byURL, urls = map[string]file{}, map[string]string{}
	err := fs.WalkDir(files, ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		plain, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		sum := sha256.Sum256(plain)
		hash, base, ext := hex.EncodeToString(sum[:8]), path.Base(name), path.Ext(name)
		url := strings.TrimSuffix(base, ext) + "." + hash + ext
		byURL[url] = file{contentType: types[ext], etag: `"` + hash + `"`, plain: plain, zipped: zip(plain)}
		urls[base] = Prefix + url
		return nil
	})
	if err != nil {
		panic(err) // the files are part of the binary
	}
	return byURL, urls
})

func zip(plain []byte) []byte {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	_, _ = w.Write(plain) // into memory
	_ = w.Close()
	return b.Bytes()
}

// URL gives the path under which the file called name is served. A name that
// is none is a mistake in a template: it panics.
func URL(name string) string {
	_, urls := all()
	url, ok := urls[name]
	if !ok {
		panic("no static file " + name)
	}
	return url
}

// Serve sends the file that the path names; it may be kept for a year.
func Serve(w http.ResponseWriter, r *http.Request) {
	byURL, _ := all()
	f, ok := byURL[strings.TrimPrefix(r.URL.Path, Prefix)]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", f.contentType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Vary", "Accept-Encoding")
	h.Set("ETag", f.etag)
	if r.Header.Get("If-None-Match") == f.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := f.plain
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		body = f.zipped
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // who is gone reads nothing
}
