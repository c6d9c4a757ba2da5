package tarball

import (
	"compress/gzip"
	"fmt"
	"io"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// Format is how an archive is compressed.
type Format string

// The formats.
const (
	Plain Format = ""
	Gzip  Format = "gzip"
	Zstd  Format = "zstd"
)

// FormatOf gives the format that the name of an archive asks for: zstd for .zst
// and .zstd, gzip for .gz and .tgz, else none.
func FormatOf(name string) Format {
	for suffix, f := range map[string]Format{".zst": Zstd, ".zstd": Zstd, ".tzst": Zstd, ".gz": Gzip, ".tgz": Gzip} {
		if strings.HasSuffix(strings.ToLower(name), suffix) {
			return f
		}
	}
	return Plain
}

// suffixes are how the names of archives may end.
var suffixes = []string{".tar", ".tar.gz", ".tgz", ".tar.zst", ".tar.zstd", ".tzst"}

// CheckName refuses a name that says it is another kind of archive, or none:
// what tar writes would not be what its reader takes it for.
func CheckName(name string) error {
	for _, suffix := range suffixes {
		if strings.HasSuffix(strings.ToLower(name), suffix) {
			return nil
		}
	}
	return fmt.Errorf("%q is no name for an archive: it has to end in .tar, .tar.gz, .tgz, .tar.zst or .tzst", name)
}

// Compress gives what compresses to w. Closing it ends the compressed data, and
// does not close w.
func Compress(w io.Writer, f Format) (io.WriteCloser, error) {
	switch f {
	case Plain:
		return nopCloser{w}, nil
	case Gzip:
		return gzip.NewWriter(w), nil
	case Zstd:
		// One core: others have work to do as well.
		return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
	}
	return nil, fmt.Errorf("%q is not a way to compress: give zstd or gzip", f)
}

type nopCloser struct{ io.Writer }

func (nopCloser) Close() error { return nil }
