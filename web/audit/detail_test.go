package audit

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDetailsAreWords(t *testing.T) {
	t.Parallel()
	got := details(json.RawMessage(`{"grants":[{"role":"viewer","group":""},{"role":"operator","group":"acme"}],"reason":"",
		"expires_at":"2027-01-01","nothing":null,"none":[],"n":3,"on":true,"settings":{"schedule":{"every":"1d"}}}`))
	require.Equal(t, []detail{
		{"expires at", "2027-01-01"},
		{"grants", "role viewer; group acme, role operator"},
		{"n", "3"},
		{"on", "true"},
		{"settings", "schedule every 1d"},
	}, got)
	require.Empty(t, details(json.RawMessage(`[]`)))
	require.Len(t, []rune(short(strings.Repeat("ä", 1000))), longest+1)
}
