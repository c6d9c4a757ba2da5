package cli

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a command leaves out it says, with a remedy that is there: through a
// server there is no larger --limit than one answer of the API holds.
func TestLimitThroughServer(t *testing.T) {
	t.Parallel()
	const snap = "daily-202611270130"
	var limits []string
	mux := http.NewServeMux()
	answers := func(path, text string) {
		mux.HandleFunc("GET /api/v1/hosts/acme/web1"+path, func(w http.ResponseWriter, r *http.Request) {
			if limit := r.URL.Query().Get("limit"); limit != "" {
				limits = append(limits, limit)
			}
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(text))
		})
	}
	answers("", `{"host": "acme/web1", "group": "acme", "name": "web1"}`)
	answers("/snapshots", `{"items": [{"host": "acme/web1", "snapshot": "`+snap+`", "state": "ok"}], "next": null}`)
	answers("/find", `{"items": [{"path": "/etc/motd", "type": "file"}], "answer": {"more": true}}`)
	answers("/snapshots/"+snap+"/diff", `{"items": [], "answer": {"more": true, "difference": {}}}`)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	p := &planb{t: t, environ: []string{"PLANB_CONFIG=/dev/null", "PLANB_SERVER_URL=" + server.URL, "PLANB_TOKEN=planb_x"}}

	const alone = "these are the first 10000, and there are more: ask for less, or without --server where the database is, which gives up to 200000"
	for _, tc := range []struct {
		args []string
		says string
	}{
		{[]string{"find", "acme/web1", "motd"}, alone},
		{[]string{"diff", "acme/web1", snap, snap}, alone},
		{[]string{"find", "acme/web1", "motd", "--limit", "50"}, "these are the first 50, and there are more: ask for less, or say a larger --limit, up to 10000"},
	} {
		status, stdout, stderr := p.run(tc.args...)
		require.Equal(t, exitFailed, status, stderr)
		require.NotEmpty(t, stdout)
		require.Contains(t, stderr, tc.says)
	}
	require.Equal(t, "10000 10000 50", strings.Join(limits, " "))
	for _, args := range [][]string{{"find", "acme/web1", "motd"}, {"diff", "acme/web1", snap, snap}} {
		require.Contains(t, p.fails(exitUsage, slices.Concat(args, []string{"--limit", "10001"})...), "--limit is a number between 1 and 10000 through --server")
	}
	require.Len(t, limits, 3, "what cannot be answered is not asked")
}

func TestLimitsHaveARemedy(t *testing.T) {
	t.Parallel()
	require.Equal(t, "ask for less, or say a larger --limit, up to 200000", limit{10_000, 200_000}.remedy())
	require.Equal(t, "ask for less", limit{200_000, 200_000}.remedy())
}
