package dataplane

import (
	"bufio"
	"errors"
	"io"
	"net/http"

	"planb/internal/tarball"
	"planb/internal/tree"
)

// The trailers of an archive: a caller that sees neither got only a part.
const (
	trailerDone  = "Planb-Done"
	trailerError = "Planb-Error"
)

// contentTypes are those of archives.
var contentTypes = map[tarball.Format]string{
	tarball.Plain: "application/x-tar", tarball.Gzip: "application/gzip", tarball.Zstd: "application/zstd",
}

// tar streams the given paths (parameter path, several times) as a PAX archive:
// names without the leading slash, owners, modes, devices and extended
// attributes as they were on the host. Sockets are left out, as tar has none.
// Parameter compress may be zstd or gzip.
func (s *server) tar(w http.ResponseWriter, r *request, root *tree.Dir) error {
	paths := r.query["path"]
	if len(paths) == 0 {
		paths = []string{"/"}
	}
	// All paths are looked at before the first byte, so that a missing one gets
	// an answer.
	for _, p := range paths {
		d, _, _, err := root.Find(p)
		if err != nil {
			return err
		}
		d.Close()
	}
	format := tarball.Format(r.query.Get("compress"))
	if _, err := tarball.Compress(io.Discard, format); err != nil {
		return badRequest("%v", err)
	}
	h := w.Header()
	h.Set("Content-Type", contentTypes[format])
	h.Set("Content-Disposition", "attachment")
	h.Set("Trailer", trailerDone+", "+trailerError)
	buf := bufio.NewWriterSize(w, 256<<10)
	z, err := tarball.Compress(buf, format)
	if err != nil {
		return err
	}
	err = errors.Join(tarball.Write(r.Context(), z, root, paths, tarball.Options{}), z.Close())
	if ferr := buf.Flush(); err == nil {
		err = ferr
	}
	if err != nil {
		esc, _ := tree.Escape(err.Error())
		h.Set(trailerError, esc)
		s.Log.Error("archive cut short", "dataset", r.query.Get("dataset"), "snap", r.query.Get("snap"), "error", err)
		return nil
	}
	h.Set(trailerDone, "1")
	return nil
}
