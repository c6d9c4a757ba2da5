package browse

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/aymanbagabas/go-udiff"

	"planb/internal/dataplane"
	"planb/internal/tree"
	"planb/web/server"
)

// mostLines is how many lines of a text are shown.
const mostLines = 20_000

// textView is the page of a text.
type textView struct {
	place
	Lines []string
	// Cut says that there is more.
	Cut bool
}

// lines gives the lines of a text for a page. What would change the looks of
// others, such as marks of direction, is escaped.
func lines(text string) []string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	list := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	for i, line := range list {
		list[i] = shownLine(line)
	}
	return list
}

// shownLine escapes what is not printable in a line, and that alone: unlike in a
// name, a backslash in a text stays one.
func shownLine(line string) string {
	var b strings.Builder
	for _, r := range line {
		if r == '\t' {
			b.WriteRune(r)
			continue
		}
		if esc, did := tree.Escape(string(r)); did {
			b.WriteString(esc)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// text shows the content of a file as text.
func (p Pages) text(w http.ResponseWriter, r *http.Request) error {
	at, files, err := p.need(r)
	if err != nil {
		return err
	}
	content, cut, err := p.readText(r, files, at)
	if err != nil {
		return err
	}
	v := textView{place: at, Lines: lines(content), Cut: cut}
	if len(v.Lines) > mostLines {
		v.Lines, v.Cut = v.Lines[:mostLines], true
	}
	return server.Render(w, r, http.StatusOK, textPage(v))
}

// readText reads the beginning of a text for somebody, and has that on record.
func (p Pages) readText(r *http.Request, files *dataplane.Client, at place) (text string, cut bool, err error) {
	if err := p.note(r, "host.read", at); err != nil {
		return "", false, err
	}
	data, err := readSome(r.Context(), files, at, mostText+1)
	if err != nil {
		return "", false, err
	}
	if cut = len(data) > mostText; cut {
		data = data[:mostText]
	}
	if !isText(data) {
		return "", false, server.Refused(shown(at.Path) + " is no text in UTF-8: download it to see what it holds.")
	}
	return strings.ToValidUTF8(string(data), ""), cut, nil
}

// note has on record who reads what, before the first byte of it leaves.
func (p Pages) note(r *http.Request, action string, at place, paths ...string) error {
	if len(paths) == 0 {
		paths = []string{at.Path}
	}
	for i, path := range paths {
		paths[i] = shown(path)
	}
	return p.Catalog.NoteAccess(r.Context(), action, at.Host.String(), map[string]any{"snapshot": at.Snap, "paths": paths})
}

// image sends an image of a kind that may be shown, as just that: whatever else
// it may be read as, the browser is told not to.
func (p Pages) image(w http.ResponseWriter, r *http.Request) error {
	at, files, err := p.need(r)
	if err != nil {
		return err
	}
	head, err := readSome(r.Context(), files, at, sniffed)
	if err != nil {
		return err
	}
	kind := imageType(head)
	if kind == "" {
		return server.Refused(shown(at.Path) + " is no image that is shown here: download it.")
	}
	if err := p.note(r, "host.read", at); err != nil {
		return err
	}
	body, err := files.Read(r.Context(), at.at(), 0, mostImage)
	if err != nil {
		return err
	}
	defer body.Close()
	server.Download(w, at.Path)
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", mime.FormatMediaType("inline", map[string]string{"filename": "image." + strings.TrimPrefix(kind, "image/")}))
	return send(w, r, body)
}

// compareView is the page of two versions of a text.
type compareView struct {
	place
	// From and To are the snapshots of the two.
	From, To string
	Hunks    []*udiff.Hunk
	Same     bool
}

// compare shows what differs between the text of a file in two snapshots.
func (p Pages) compare(w http.ResponseWriter, r *http.Request) error {
	at, files, err := p.need(r)
	if err != nil {
		return err
	}
	v := compareView{place: at, From: r.FormValue("from"), To: at.Snap}
	var texts [2]string
	for i, snap := range []string{v.From, v.To} {
		one := at.in(snap, "")
		if one.snapshot().Created.IsZero() {
			return gone(one)
		}
		e, err := files.Stat(r.Context(), one.at())
		if err != nil {
			return err
		}
		if e.Size > mostText {
			return server.Refused("Files of more than 1 MiB are not compared here: download both.")
		}
		if texts[i], _, err = p.readText(r, files, one); err != nil {
			return err
		}
	}
	v.Same = texts[0] == texts[1]
	u, err := udiff.ToUnifiedDiff(v.From, v.To, texts[0], udiff.Lines(texts[0], texts[1]), 3)
	if err != nil {
		return err
	}
	v.Hunks = u.Hunks
	return server.Render(w, r, http.StatusOK, comparePage(v))
}

// download sends the content of a file, or the part of it that is asked for.
func (p Pages) download(w http.ResponseWriter, r *http.Request) error {
	at, files, err := p.need(r)
	if err != nil {
		return err
	}
	e, err := files.Stat(r.Context(), at.at())
	if err != nil {
		return err
	}
	offset, length, partial, err := byteRange(r.Header.Get("Range"), e.Size)
	if errors.Is(err, errRange) {
		w.Header().Set("Content-Range", "bytes */"+strconv.FormatInt(e.Size, 10))
		return &server.Error{Status: http.StatusRequestedRangeNotSatisfiable, Title: "No such part", Text: "The file is shorter than that."}
	}
	if err := p.note(r, "host.download", at); err != nil {
		return err
	}
	body, err := files.Read(r.Context(), at.at(), offset, length)
	if err != nil {
		return err // of what is no file, too
	}
	defer body.Close()
	server.Download(w, at.Path)
	h := w.Header()
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Length", strconv.FormatInt(length, 10))
	if partial {
		h.Set("Content-Range", "bytes "+strconv.FormatInt(offset, 10)+"-"+strconv.FormatInt(offset+length-1, 10)+"/"+strconv.FormatInt(e.Size, 10))
		w.WriteHeader(http.StatusPartialContent)
	}
	return send(w, r, body)
}

// send copies a content to the reader. One that breaks off breaks the
// connection too, so that nobody takes a part for the whole.
func send(w http.ResponseWriter, r *http.Request, body io.Reader) error {
	if r.Method == http.MethodHead {
		return nil
	}
	if _, err := io.Copy(w, body); err != nil {
		panic(http.ErrAbortHandler)
	}
	return nil
}
