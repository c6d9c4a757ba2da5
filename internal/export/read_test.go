package export_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/export"
)

func TestRefusedFiles(t *testing.T) {
	t.Parallel()
	const host = "planb: 1\ngroups:\n- group: acme\nhosts:\n- host: acme/web1\n  address: web1.example\n"
	for _, c := range []struct{ name, text, want string }{
		{"unknown key", host + "  addr: x\n", `line 7: a host has no "addr": the keys are host, id, address,`},
		{"unknown top key", host + "users: []\n", `line 7: the file has no "users": the keys are planb, policy, groups, hosts`},
		{"unknown setting", host + "  policy:\n    evry: 1d\n", `line 8: a policy has no "evry"`},
		{"bad setting", host + "  policy:\n    every: 5m\n", "line 8: every: 5m is out of bounds: give from 15m to 4w"},
		{"flag", host + "  policy:\n    flags:\n    - --rsh=sh\n", "line 9: flags: "},
		{"duplicate host", host + "- host: acme/web1\n  address: b.example\n", "line 7: host acme/web1 is there twice, first in line 5: leave one out"},
		{"duplicate group", "planb: 1\ngroups:\n- group: acme\n- group: acme\n", "line 4: group acme is there twice, first in line 3"},
		{"duplicate key", host + "  address: b.example\n", `line 7: a host has "address" twice: leave one out`},
		{"bad host", host + "- host: web2\n  address: b.example\n", "line 7: "},
		{"bad address", host + "- host: acme/web2\n  address: -oProxyCommand=x\n", "line 8: "},
		{"no address", host + "- host: acme/web2\n", "line 7: host acme/web2 has no address"},
		{"no name", host + "- address: b.example\n", "line 7: a host has no name: write host: first"},
		{"no value", host + "  notes:\n", "line 7: notes has no value"},
		{"not a list", host + "  tags: prod\n", "line 7: tags is not a list"},
		{"not a text", host + "  notes: [a]\n", "line 7: notes is not a single text"},
		{"bad mail", "planb: 1\ngroups:\n- group: acme\n  emails:\n  - nobody\n", "line 5: "},
		{"bad id", host + "  id: 12\n", `line 7: "12" is not the id of a host`},
		{"disabled", host + "  disabled: true\n", "line 7: disabled needs a reason"},
		{"bad dataset", host + "  dataset: \"-r\"\n", "line 7: "},
		{"bad host key", host + "  host_keys:\n  - rubbish\n", "line 8: "},
		{"version", "planb: 2\n", "line 1: the file is of version 2, and this program reads version 1"},
		{"no version", "hosts: []\n", `write "planb: 1" at its top`},
		{"syntax", "planb: 1\nhosts: [\n", "neither YAML nor JSON"},
		{"tab", "planb: 1\nhosts:\n\t- host: x\n", "line 3: this is neither YAML nor JSON"},
		{"empty", "", "it holds 0 documents"},
		{"alias", "planb: 1\nhosts:\n- &a\n  host: acme/web1\n", "line 3: "},
	} {
		_, err := export.Read([]byte(c.text))
		require.ErrorContains(t, err, c.want, c.name)
		for l := range strings.SplitSeq(err.Error(), "\n") {
			require.NotEmpty(t, l, c.name)
		}
	}
	_, err := export.Read([]byte(host + "  addr: x\n  policy:\n    every: 5m\n    port: x\n"))
	require.Equal(t, 3, len(strings.Split(err.Error(), "\n")), "each is told: %s", err)
	f, err := export.Read([]byte(`{"planb": 1, "hosts": [{"host": "acme/web1", "address": "a.example", "policy": {"port": 22, "sudo": true}}]}`))
	require.NoError(t, err)
	require.Equal(t, 22, *f.Hosts[0].Settings.Port)
}

func FuzzRead(f *testing.F) {
	f.Add("planb: 1\ngroups:\n- group: acme\nhosts:\n- host: acme/web1\n  address: web1.example\n  policy: {every: 1d}\n")
	f.Add("- a: &x [*x]\n? {}\n: !!binary x\n")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := export.Read([]byte(text))
		if err != nil {
			return
		}
		again, err := export.YAML(file.Exported)
		require.NoError(t, err)
		read, err := export.Read(again)
		require.NoError(t, err, string(again))
		require.Equal(t, len(file.Hosts), len(read.Hosts))
		for i, h := range file.Hosts {
			require.Equal(t, h.Notes, read.Hosts[i].Notes)
		}
	})
}
