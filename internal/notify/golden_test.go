package notify

import (
	"encoding/json"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/config"
)

// words are those of a notice of each kind, much as the catalog writes them.
var words = map[Kind]struct {
	severity             config.Severity
	title, cause, remedy string
}{
	Failed:       {config.SeverityError, "acme/web1: the backup failed", "web1.acme.example cannot be reached: connection refused", "see whether sshd runs there"},
	Partial:      {config.SeverityWarning, "acme/web1: the backup is partial", "2 files are missing", "see the run's log for their names"},
	Late:         {config.SeverityError, "acme/web1 is late", "no good snapshot since 2026-11-25 01:30 UTC", "see why: `planb runs acme/web1`"},
	Suspect:      {config.SeverityCritical, "acme/web1: the snapshot is suspect", "61 % of the files were deleted", "decide: `planb host accept acme/web1` or `planb host reject acme/web1`"},
	"mismatch":   {config.SeverityCritical, "acme/web1: files in the backup are not as they have to be", "1 of 200 files differs", "see `planb verify --report acme/web1`"},
	"long":       {config.SeverityWarning, "acme/web1: the backup takes far longer than usual", "9 hours, where 2 are usual", "see what it does: `planb runs acme/web1`"},
	"degraded":   {config.SeverityCritical, "store1:tank/BACKUP: the pool is DEGRADED", "one disk is away", "see `zpool status tank`"},
	"errors":     {config.SeverityCritical, "store1:tank/BACKUP: the pool has errors", "the scrub found 3", "see `zpool status -v tank`"},
	"unscrubbed": {config.SeverityWarning, "store1:tank/BACKUP: the pool was not scrubbed for long", "the last scrub was 90 days ago", "run `zpool scrub tank`"},
	"room":       {config.SeverityError, "store1:tank/BACKUP has little room", "4 % are free", "make room, or add disks"},
	"filling":    {config.SeverityWarning, "store1:tank/BACKUP will be full soon", "in 12 days, as it grows now", "make room, or add disks"},
	"silent":     {config.SeverityCritical, "store1: the worker does not answer", "nothing was heard since 01:02 UTC", "see whether `planb worker` runs there"},
	"schedules":  {config.SeverityError, "schedules differ from the catalog", "2 are missing", "run `planb schedule sync`"},
	"billing":    {config.SeverityWarning, "days are not billed", "Usage was not sampled, or not posted to every receiver, for 2026-11-25.", "see why with `planb billing list`"},
	Recovered:    {config.SeverityInfo, "acme/web1 has recovered", "", ""},
	FirstSuccess: {config.SeverityInfo, "acme/web1 has its first good backup", "", ""},
	Enabled:      {config.SeverityInfo, "acme/web1 is enabled", "By ann.", ""},
	Disabled:     {config.SeverityWarning, "acme/web1 is disabled: it is not backed up", "By ann: being moved", "when it is to be backed up again: `planb host enable acme/web1`"},
	Good:         {config.SeverityInfo, "acme/web1 has a good snapshot: daily-202611270130", "", ""},
	Test:         {config.SeverityInfo, "This is a test of the channel ops", "Somebody ran planb notify test.", "None is needed."},
}

// TestEveryKind has each kind of notice in each form in which it is told.
func TestEveryKind(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds {
		w, ok := words[kind]
		require.True(t, ok, "%s", kind)
		n := Notice{
			Key: string(kind) + "/7/1", Kind: kind, Severity: w.severity, Title: w.title, Cause: w.cause, Remedy: w.remedy,
			URL: "https://backup.example/", At: time.Date(2026, 11, 27, 1, 30, 0, 0, time.UTC),
		}
		if strings.HasPrefix(w.title, "acme/web1") {
			n.Host, n.HostID, n.Group, n.URL = "acme/web1", "4f", "acme", "https://backup.example/hosts/acme/web1"
		}
		m, err := messageOf(n)
		require.NoError(t, err)
		body, err := json.MarshalIndent(n, "", "  ")
		require.NoError(t, err)
		golden(t, "kinds/"+string(kind)+".txt", strings.Join([]string{
			"-- mail: " + m.subject, m.text,
			"-- mail, HTML", m.html,
			"-- webhook, standard input of a command", string(body),
			"-- environment of a command", strings.Join(environment(n)[1:], "\n"),
			"-- zabbix: " + itemOf(n), value(n), "",
		}, "\n"))
	}
}

// The kinds of the catalog are those that have golden files.
func TestKindsAreThoseOfTheCatalog(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", "catalog", "condition.go"), nil, 0)
	require.NoError(t, err)
	found := []Kind{Test} // which is not written down
	ast.Inspect(file, func(node ast.Node) bool {
		if v, ok := node.(*ast.ValueSpec); ok && strings.HasPrefix(v.Names[0].Name, "Notice") {
			text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			require.NoError(t, err)
			found = append(found, Kind(text))
		}
		return true
	})
	slices.Sort(found)
	require.Equal(t, found, slices.Sorted(slices.Values(kinds)))
}
