package browse

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

func FuzzZipName(f *testing.F) {
	for _, s := range []string{"etc/hosts", "../../etc/passwd", "/abs", `..\..\evil`, "C:evil", "a\x00b", "odd\n\xff", "...", "a/./b//c", "nul. ", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		got := zipName(name)
		require.True(t, filepath.IsLocal(got), "%q became %q", name, got)
		require.True(t, utf8.ValidString(got))
		require.False(t, strings.ContainsAny(got, "\\:\x00\n"), got)
		for part := range strings.SplitSeq(got, "/") {
			require.NotEmpty(t, strings.Trim(part, ". "), got)
		}
	})
}

func TestZipNamesStayApart(t *testing.T) {
	t.Parallel()
	require.Equal(t, "etc/hosts", zipName("etc/hosts"))
	require.NotEqual(t, zipName("a:b"), zipName("a*b"))
	require.NotEqual(t, zipName("a\xff"), zipName(`a\xff`))
}

func FuzzByteRange(f *testing.F) {
	f.Add("bytes=0-1", int64(10))
	f.Add("bytes=-5", int64(3))
	f.Add("bytes=99999999999999999999-", int64(3))
	f.Fuzz(func(t *testing.T, header string, size int64) {
		if size < 0 {
			return
		}
		offset, length, partial, err := byteRange(header, size)
		if err != nil {
			return
		}
		require.True(t, offset >= 0 && length >= 0 && offset+length <= size, "%d %d", offset, length)
		require.True(t, partial || offset == 0 && length == size)
	})
}
