package cli

import (
	"bytes"
	"flag"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	ucli "github.com/urfave/cli/v2"
)

// A table names the zone of its times once, unless they are of two.
func TestTablesNameTheZone(t *testing.T) {
	t.Parallel()
	c := ucli.NewContext(nil, flag.NewFlagSet("", flag.ContinueOnError), nil)
	table := func(rows ...[]string) string {
		var out bytes.Buffer
		require.NoError(t, list(&app{stdout: &out}, c, rows, "HOST STARTED NOTE", func(r []string) []string { return r }))
		return out.String()
	}
	require.Equal(t, "HOST  STARTED (CET)     NOTE\n"+
		"a     2026-11-23 01:30  until 2026-12-01 00:00 CET\n"+
		"b     -                 -\n"+
		"c     2026-11-24 01:30  -\n",
		table([]string{"a", "2026-11-23 01:30 CET", "until 2026-12-01 00:00 CET"}, []string{"b", "", ""}, []string{"c", "2026-11-24 01:30 CET", ""}))
	require.Equal(t, "HOST  STARTED                NOTE\n"+
		"a     2026-11-23 01:30 CET   -\n"+
		"b     2026-10-23 01:30 CEST  -\n",
		table([]string{"a", "2026-11-23 01:30 CET", ""}, []string{"b", "2026-10-23 01:30 CEST", ""}))
	require.Equal(t, "HOST  STARTED  NOTE\n", table())
	at := time.Date(2026, 11, 23, 1, 30, 0, 0, time.UTC)
	require.Equal(t, at.Local().Format("2006-01-02 15:04 MST"), when(&at))
	require.Equal(t, "-", when(nil))
}
