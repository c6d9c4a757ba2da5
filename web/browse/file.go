package browse

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"unicode/utf8"

	"planb/internal/dataplane"
)

// fileView is the page of a file that is no directory.
type fileView struct {
	place
	Entry    dataplane.Entry
	Versions versions
	// Kind is what the content can be shown as.
	Kind contentKind
}

// versions are those of a path in all snapshots.
type versions struct {
	List []dataplane.PathVersion
	// Missing is how many of the Snapshots are not indexed yet.
	Missing, Snapshots int
	// Failed is why there is no list.
	Failed string
}

// newest gives the newest snapshot that holds the version.
func newest(v dataplane.PathVersion) dataplane.SnapshotRef {
	if len(v.Snapshots) == 0 {
		return dataplane.SnapshotRef{}
	}
	return v.Snapshots[len(v.Snapshots)-1]
}

// holds says whether a snapshot is among those of a version.
func holds(v dataplane.PathVersion, snap string) bool {
	for _, s := range v.Snapshots {
		if s.Snapshot == snap {
			return true
		}
	}
	return false
}

// versionsOf reads the history of the place's path; a page without it is worth
// more than none.
func versionsOf(ctx context.Context, files *dataplane.Client, at place) versions {
	var v versions
	answer, err := files.History(ctx, at.at(), func(one dataplane.PathVersion) error {
		v.List = append(v.List, one)
		return nil
	})
	v.Missing, v.Snapshots = len(answer.Missing), answer.Snapshots
	switch {
	case errors.Is(err, dataplane.ErrNotFound):
	case errors.Is(err, context.DeadlineExceeded):
		v.Failed = "The storage server has not answered in time."
	case err != nil:
		v.Failed = err.Error()
	}
	return v
}

// contentKind is what a content can be shown as.
type contentKind string

// The kinds; images are known by their first bytes, never by their names.
const (
	kindNone  contentKind = ""
	kindText  contentKind = "text"
	kindImage contentKind = "image"
)

const (
	// mostText is how much of a text is shown, and of each of two compared.
	mostText = 1 << 20
	// mostImage is how large an image may be to be shown.
	mostImage = 20 << 20
	// sniffed is how much of a file tells what it is.
	sniffed = 4096
)

// imageTypes are the images that are shown. SVG and what else may hold a
// program is not among them.
var imageTypes = map[string]bool{"image/png": true, "image/jpeg": true, "image/gif": true, "image/webp": true}

// imageType gives the type of an image that may be shown, empty for all else.
func imageType(head []byte) string {
	if t := http.DetectContentType(head); imageTypes[t] {
		return t
	}
	return ""
}

// kindOf looks at the beginning of a file; what cannot be read is shown as
// nothing.
func kindOf(ctx context.Context, files *dataplane.Client, at place, e dataplane.Entry) contentKind {
	if e.Type != dataplane.TypeFile || e.Size == 0 {
		return kindNone
	}
	head, err := readSome(ctx, files, at, sniffed)
	switch {
	case err != nil:
		return kindNone
	case imageType(head) != "" && e.Size <= mostImage:
		return kindImage
	case isText(head):
		return kindText
	}
	return kindNone
}

// readSome reads the first bytes of a file, at most n.
func readSome(ctx context.Context, files *dataplane.Client, at place, n int64) ([]byte, error) {
	body, err := files.Read(ctx, at.at(), 0, n)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	return io.ReadAll(io.LimitReader(body, n))
}

// isText says whether data, which may be cut off within a character, is UTF-8
// with nothing in it that no text has.
func isText(data []byte) bool {
	for cut := 0; cut < utf8.UTFMax && cut < len(data) && !utf8.Valid(data); cut++ {
		data = data[:len(data)-1]
	}
	return utf8.Valid(data) && !bytes.ContainsFunc(data, func(r rune) bool {
		return r < ' ' && r != '\t' && r != '\n' && r != '\r' && r != '\f' && r != 0x1b
	})
}
