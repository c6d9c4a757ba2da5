package dataplane

import (
	"bytes"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestLogInParts(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	file := filepath.Join(p.runs, testRun+".log")
	text := bytes.Repeat([]byte("0123456789abcde\n"), (MaxLogChunk+MaxLogChunk/2)/16)
	require.NoError(t, os.WriteFile(file, text, 0o600))
	var got []byte
	for offset := int64(0); ; {
		c, err := p.c.Log(t.Context(), testRun, offset, 0)
		require.NoError(t, err)
		require.EqualValues(t, len(text), c.Size)
		require.Equal(t, offset, c.Offset)
		if len(c.Data) == 0 {
			require.Equal(t, c.Size, c.Next)
			break
		}
		got = append(got, c.Data...)
		offset = c.Next
	}
	require.Equal(t, text, got)
	tail, err := p.c.Log(t.Context(), testRun, -16, 0)
	require.NoError(t, err)
	require.Equal(t, "0123456789abcde\n", string(tail.Data))
	require.Equal(t, tail.Size, tail.Next)
	all, err := p.c.Log(t.Context(), testRun, -1<<39, 0)
	require.NoError(t, err)
	require.Zero(t, all.Offset)
	// Beyond the end is no reason to wait.
	beyond, err := p.c.Log(t.Context(), testRun, 1<<40, MaxLogWait)
	require.NoError(t, err)
	require.Empty(t, beyond.Data)
}

// A follower gets what is written while it waits, from before the log is there.
func TestLogIsFollowed(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	type answer struct {
		c   LogChunk
		err error
	}
	answers := make(chan answer, 1)
	ask := func(offset int64) {
		c, err := p.c.Log(t.Context(), testRun, offset, MaxLogWait)
		answers <- answer{c, err}
	}
	go ask(0)
	f, err := os.Create(filepath.Join(p.runs, testRun+".log"))
	require.NoError(t, err)
	defer f.Close()
	_, err = f.WriteString("one\n")
	require.NoError(t, err)
	first := <-answers
	require.NoError(t, first.err)
	require.Equal(t, "one\n", string(first.c.Data))
	go ask(first.c.Next)
	_, err = f.WriteString("two\n")
	require.NoError(t, err)
	second := <-answers
	require.NoError(t, second.err)
	require.Equal(t, "two\n", string(second.c.Data))

	start := time.Now()
	none, err := p.c.Log(t.Context(), testRun, second.c.Next, time.Second)
	require.NoError(t, err)
	require.Empty(t, none.Data)
	require.GreaterOrEqual(t, time.Since(start), 900*time.Millisecond)
}

func TestLogOfNoRun(t *testing.T) {
	t.Parallel()
	p := newPlace(t)
	_, err := p.c.Log(t.Context(), testRun, 0, 0)
	require.ErrorIs(t, err, ErrNotFound)
	for _, run := range []string{"", "../../etc/passwd", testRun + "/../x", "x", testRun + "\n", "0190A5F0-7C6E-7B3E-9C1E-2F5D3C4B5A69"} {
		_, err := p.c.Log(t.Context(), run, 0, 0)
		require.ErrorIs(t, err, ErrBadRequest, run)
	}
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(p.runs, testRun+".log")))
	_, err = p.c.Log(t.Context(), testRun, 0, 0)
	require.ErrorIs(t, err, ErrServer)
	require.NoError(t, os.Remove(filepath.Join(p.runs, testRun+".log")))
	require.NoError(t, unix.Mkfifo(filepath.Join(p.runs, testRun+".log"), 0o600))
	_, err = p.c.Log(t.Context(), testRun, 0, 0)
	require.ErrorIs(t, err, ErrWrongType)
	token := Sign(p.key, Claims{Run: testRun, Ops: []Op{OpLog}, Expires: time.Now().Add(time.Minute)})
	for _, q := range []url.Values{{"offset": {"x"}}, {"wait": {"61"}}, {"wait": {"-1"}}, {"offset": {"1e3"}}} {
		q.Set("run", testRun)
		require.Equal(t, 400, p.do(t, "GET", "/v1/log", q, token).StatusCode)
	}
}
