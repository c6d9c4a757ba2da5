package browse

import (
	"archive/tar"
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"strings"

	"planb/internal/dataplane"
	"planb/internal/tarball"
	"planb/internal/tree"
	"planb/web/server"
)

// leftOut is the name of the file in a zip that lists what is not in it.
const leftOut = "PLANB-LEFT-OUT.txt"

// archive sends a directory, or several paths, as one archive, made while it is
// sent.
func (p Pages) archive(w http.ResponseWriter, r *http.Request) error {
	at, files, err := p.need(r)
	if err != nil {
		return err
	}
	paths := Paths(r)
	if len(paths) == 0 {
		return server.Invalid("Nothing was chosen: tick the files and directories that are meant.")
	}
	name := strings.ReplaceAll(at.Host.String(), "/", "-")
	if len(paths) == 1 && paths[0] != "/" {
		name = path.Base(paths[0])
	}
	name += "@" + at.Snap
	var format tarball.Format
	switch r.Form.Get("format") {
	case "tar":
		name += ".tar"
	case "tar.zst":
		name, format = name+".tar.zst", tarball.Zstd
	case "zip":
		name += ".zip"
	default:
		return server.Invalid("An archive is one of tar, tar.zst and zip.")
	}
	for _, one := range paths {
		if _, err := files.Stat(r.Context(), at.in("", one).at()); err != nil {
			return err
		}
	}
	if err := p.note(r, "host.archive", at, append([]string{}, paths...)...); err != nil {
		return err
	}
	body, err := files.Archive(r.Context(), at.at(), format, paths...)
	if err != nil {
		return err
	}
	defer body.Close()
	server.Download(w, name)
	if !strings.HasSuffix(name, ".zip") {
		return send(w, r, body)
	}
	if r.Method == http.MethodHead {
		return nil
	}
	again := func(ctx context.Context, path string) (io.ReadCloser, error) {
		return files.Read(ctx, dataplane.At{Dataset: at.host.Dataset, Snap: at.Snap, Path: path}, 0, -1)
	}
	if err := zipOf(r.Context(), w, body, again); err != nil {
		panic(http.ErrAbortHandler) // see send
	}
	return nil
}

// zipOf turns a tar into a zip while it is read. Read gives the content of
// another name of a file, for hard links, of which a tar has the content once.
func zipOf(ctx context.Context, w io.Writer, from io.Reader, read func(ctx context.Context, path string) (io.ReadCloser, error)) error {
	z, t := zip.NewWriter(w), tar.NewReader(from)
	var left []string
	for {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeDir && strings.Trim(h.Name, "./") == "" {
			continue
		}
		content := io.Reader(t)
		switch h.Typeflag {
		case tar.TypeReg, tar.TypeDir:
		case tar.TypeLink:
			body, err := read(ctx, "/"+h.Linkname)
			if err != nil {
				return err
			}
			defer body.Close()
			content = body
		default:
			left = append(left, describe(h))
			continue
		}
		out, err := z.CreateHeader(zipHeader(h))
		if err != nil {
			return err
		}
		if h.Typeflag == tar.TypeDir {
			continue
		}
		if _, err := io.Copy(out, content); err != nil {
			return err
		}
	}
	// What is left of the stream tells whether it is whole.
	if _, err := io.Copy(io.Discard, from); err != nil {
		return err
	}
	if len(left) > 0 {
		out, err := z.Create(leftOut)
		if err != nil {
			return err
		}
		if _, err := io.WriteString(out, "A zip has no place for these; a tar has:\r\n"+strings.Join(left, "\r\n")+"\r\n"); err != nil {
			return err
		}
	}
	return z.Close()
}

// describe is the line about something that is not in a zip.
func describe(h *tar.Header) string {
	name := shown("/" + h.Name)
	switch h.Typeflag {
	case tar.TypeSymlink:
		return name + " -> " + shown(h.Linkname)
	case tar.TypeChar, tar.TypeBlock:
		return fmt.Sprintf("%s (device %d,%d)", name, h.Devmajor, h.Devminor)
	}
	return name + " (a special file)"
}

func zipHeader(h *tar.Header) *zip.FileHeader {
	f := &zip.FileHeader{Name: zipName(h.Name), Modified: h.ModTime, Method: zip.Deflate}
	f.SetMode(h.FileInfo().Mode().Perm())
	if h.Typeflag == tar.TypeDir {
		f.SetMode(h.FileInfo().Mode())
		f.Name, f.Method = f.Name+"/", zip.Store
	}
	return f
}

// zipName gives a name that lies below where the zip is unpacked, on whatever
// system, and in UTF-8. A part that has to be changed for that gets a mark made
// of what it was, so that no two become one.
func zipName(name string) string {
	var parts []string
	for part := range strings.SplitSeq(name, "/") {
		if part != "" && part != "." {
			parts = append(parts, zipPart(part))
		}
	}
	if len(parts) == 0 {
		return "_"
	}
	return strings.Join(parts, "/")
}

func zipPart(part string) string {
	esc, _ := tree.Escape(part)
	safe := strings.NewReplacer(`\`, "_", ":", "_", "*", "_", "?", "_", `"`, "_", "<", "_", ">", "_", "|", "_").Replace(esc)
	if strings.Trim(safe, ". ") == "" {
		safe = "_"
	}
	safe = strings.TrimRight(safe, ". ") // which Windows drops by itself
	if safe == part {
		return part
	}
	sum := sha256.Sum256([]byte(part))
	return safe + "~" + hex.EncodeToString(sum[:3])
}
