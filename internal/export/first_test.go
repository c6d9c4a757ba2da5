package export_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/export"
)

func converted(t *testing.T, name, group string) (text string, f export.File) {
	t.Helper()
	in, err := os.ReadFile(filepath.Join("testdata", name))
	require.NoError(t, err)
	f, err = export.ReadAny(in, group)
	require.NoError(t, err)
	out, err := export.YAML(f.Exported)
	require.NoError(t, err)
	return string(out), f
}

func TestDumpOfTheFirstPlanB(t *testing.T) {
	t.Parallel()
	text, f := converted(t, "dump.json", "")
	require.Equal(t, `planb: 1
policy: {}
groups:
- group: Umbrella-Co
  policy:
    keep: 15d,3w,6m,1y
- group: acme
  emails:
  - ops@acme.example
  - b@acme.example
  notes: a customer
  policy:
    window: 03:00-09:00; 18:00-02:00
hosts:
- host: Umbrella-Co/files
  address: 10.0.0.4::module
  disabled: disabled in the first PlanB
  dataset: tank/BACKUP/umbrella-files
  policy:
    window: 06:00-22:00
    include:
    - sub/data
- host: acme/mongo2
  address: mongo2.acme.example
  dataset: tank/BACKUP/acme-mongo2
  tags:
  - double-backup
  notes: first line
  policy:
    window: ""
    keep: 16d,4w,12m,2y
    include:
    - etc
    - srv/mongodb
    - var/lib/dpkg/status*
    exclude:
    - "*.tmp"
    - /srv/mongodb/journal
    flags:
    - --compress
    - --iconv=utf8,latin1
    user: remotebackup
    port: 2222
    sudo: true
    ionice: false
    bandwidth: 10000K
`, text)
	notes := strings.Join(f.Notes, "\n")
	for _, want := range []string{
		`line 2: group acme: "nobody" is not a mail address`,
		`line 2: group acme: the blacklist hours 2,9-17 are the window 03:00-09:00; 18:00-02:00 now`,
		`line 3: the group "Umbrella & Co" is called Umbrella-Co here`,
		`line 7: swift has no rsync transport and was left out`,
		`line 8: host acme/mongo2: the flag --chmod=D0700,F600 was left out`,
		`line 8: host acme/mongo2: "-oX=y" of its ssh command was left out`,
		`line 9: host Umbrella-Co/files: transfers began at /sub`,
		`line 9: host Umbrella-Co/files: the rsync_path /opt/bin/myrsync was left out`,
		`1 of transport_exec.config were left out`,
	} {
		require.Contains(t, notes, want)
	}
	require.Len(t, f.Notes, 10, notes)
}

func TestOldDumpOfTheFirstPlanB(t *testing.T) {
	t.Parallel()
	text, f := converted(t, "old.yaml", "")
	require.Empty(t, f.Notes)
	require.Contains(t, text, `- host: acme/web1
  address: web1.acme.example
  disabled: disabled in the first PlanB
  dataset: tank/BACKUP/acme-web1
  notes: the shop
  policy:
    keep: 16d,4w,12m,1y
    include:
    - etc
    - home
    flags:
    - --compress
    user: root
    sudo: false
`)
}

func TestConfexportOfTheFirstPlanB(t *testing.T) {
	t.Parallel()
	text, f := converted(t, "confexport.json", "acme")
	require.Contains(t, text, `- host: acme/web1
  address: web1
  disabled: imported without its address
  notes: the shop
  policy:
    keep: 16d,4w,12m
    include:
    - etc
    - home
`)
	require.Contains(t, text, "    include:\n    - srv/data\n    exclude:\n    - \"*.tmp\"\n")
	require.Contains(t, strings.Join(f.Notes, "\n"), "line 3: host acme/web1: confexport tells neither address")
	in, err := os.ReadFile("testdata/confexport.json")
	require.NoError(t, err)
	_, err = export.ReadAny(in, "")
	require.ErrorContains(t, err, "say which group it is of with --group")
	_, err = export.ReadAny(in, "umbrella")
	require.ErrorContains(t, err, "acme-web1 is not of group umbrella")
	yaml := "---\n# acme-web1\n\npaths:\n  root: /\n  include:\n    - etc\n  exclude: []\nnotes: \"\"\n\n---\n# acme-web2\n\npaths:\n  root: /\n  include: []\n  exclude: []\nnotes: null\n"
	f, err = export.ReadAny([]byte(yaml), "acme")
	require.NoError(t, err)
	require.Len(t, f.Hosts, 2)
}

func FuzzReadAny(f *testing.F) {
	for _, name := range []string{"dump.json", "old.yaml", "confexport.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(f, err)
		f.Add(string(text))
	}
	f.Fuzz(func(t *testing.T, text string) {
		file, err := export.ReadAny([]byte(text), "acme")
		if err != nil {
			return
		}
		// What is made of it can be read as a file of ours.
		again, err := export.YAML(file.Exported)
		require.NoError(t, err)
		_, err = export.Read(again)
		require.NoError(t, err, string(again))
	})
}
