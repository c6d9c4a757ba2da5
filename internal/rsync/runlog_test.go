package rsync

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestRunLog(t *testing.T) {
	t.Parallel()
	amsterdam := time.FixedZone("CET", 3600)
	now := func() time.Time { return time.Date(2026, 11, 23, 2, 30, 0, 0, amsterdam) }
	var b bytes.Buffer
	l := newRunLog(&b, now)
	l.line("command", quoteArgv([]string{"rsync", "a b", "it's", ""}))
	l.item(".f..t......", "/etc/same")
	for range maxLogged + 3 {
		l.item(">f+++++++++", "/etc/x")
		l.item("*deleting", "/etc/y")
		l.message("something")
	}
	l.finish(Result{State: Warning, Message: "acme/web1: so so", Remedy: "look"}, nil)
	text := b.String()
	require.True(t, strings.HasPrefix(text, `2026-11-23T01:30:00Z command rsync 'a b' 'it'\''s' ''`+"\n"))
	require.NotContains(t, text, "/etc/same")
	for _, word := range []string{"changed", "deleted", "message"} {
		require.Contains(t, text, "Z "+word+" and 3 more\n")
	}
	require.True(t, strings.HasSuffix(text, "Z end warning: acme/web1: so so; look\n"))
	require.Equal(t, 3*maxLogged+5, strings.Count(text, "\n"))

	b.Reset()
	newRunLog(&b, now).finish(Result{State: Cancelled}, errors.New("told to stop"))
	require.Equal(t, "2026-11-23T01:30:00Z end cancelled: told to stop\n", b.String())
	newRunLog(nil, now).message("goes nowhere")
}
