package ident_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/ident"
)

// hostile is refused by every check.
var hostile = []string{
	"", " ", "-", "-oProxyCommand=x", "--delete", "a b", "a\tb", "a\nb", "a\x00b", "a\x7f",
	"..", "a..b", "a#b", "a%b", "a@@b", "$(id)", "`id`", "a;b", "a&b", "a|b", "a>b", "a<b",
	"a'b", `a"b`, `a\b`, "a*b", "a?b", "a{b", "a~b", "a!b", "ä", "a\u200bb", "a=b", "a,b",
}

func TestNames(t *testing.T) {
	t.Parallel()
	checks := map[string]func(string) error{
		"group": ident.CheckGroup, "host": ident.CheckHostName, "label": ident.CheckLabel,
		"server": ident.CheckServer, "user": ident.CheckUser, "snapshot": ident.CheckSnapshot,
		"dataset": ident.CheckDataset, "address": ident.CheckAddress, "jump": ident.CheckJump,
	}
	for kind, check := range checks {
		for _, bad := range hostile {
			err := check(bad)
			require.Error(t, err, "%s %q", kind, bad)
			require.NotContains(t, err.Error(), "\n", "one line")
			var typed *ident.Error
			require.ErrorAs(t, err, &typed)
		}
		require.NoError(t, check("web1"), kind)
	}
	for _, kind := range []string{"group", "host", "label", "server", "user", "snapshot"} {
		require.Error(t, checks[kind]("a/b"), kind)
		require.Error(t, checks[kind]("a@b"), kind)
		require.Error(t, checks[kind](strings.Repeat("a", 101)), kind)
		require.NoError(t, checks[kind]("A.b-c_9"), kind)
	}
	require.NoError(t, ident.CheckGroup(strings.Repeat("a", 63)))
	require.Error(t, ident.CheckGroup(strings.Repeat("a", 64)))
	require.NoError(t, ident.CheckUser("_backup"))
	require.Error(t, ident.CheckUser("0day"))
}

func TestErrorsAreSentences(t *testing.T) {
	t.Parallel()
	require.EqualError(t, ident.CheckHostName("we b"),
		`"we b" is not a host name: it has a space; use letters, digits, dots, dashes and underscores, a letter or digit first, at most 63`)
	require.EqualError(t, ident.CheckGroup("-acme"),
		`"-acme" is not a group name: it has a dash at its start; use letters, digits, dots, dashes and underscores, a letter or digit first, at most 63`)
	_, err := ident.ParseHost("web1")
	require.EqualError(t, err, `"web1" is not a host: write it as group/name, for example acme/web1`)
	_, err = ident.ParseHost("a/b/c")
	require.EqualError(t, err, `"a/b/c" is not a host: it has more than one slash; write it as group/name, for example acme/web1`)
	require.Less(t, len(ident.CheckHostName(strings.Repeat("x", 5000)).Error()), 200)
}

func TestHost(t *testing.T) {
	t.Parallel()
	h, err := ident.ParseHost("acme/web1")
	require.NoError(t, err)
	require.Equal(t, ident.Host{Group: "acme", Name: "web1"}, h)
	require.Equal(t, "acme/web1", h.String())

	type payload struct {
		Host  ident.Host            `json:"host"`
		ByKey map[ident.Host]int    `json:"by_key"`
		None  ident.Host            `json:"none"`
		Left  ident.Host            `json:"left,omitzero"`
		Other map[string]ident.Host `json:"other,omitempty"`
	}
	in := payload{Host: h, ByKey: map[ident.Host]int{h: 1}}
	text, err := json.Marshal(in)
	require.NoError(t, err)
	require.JSONEq(t, `{"host":"acme/web1","by_key":{"acme/web1":1},"none":""}`, string(text))
	var out payload
	require.NoError(t, json.Unmarshal(text, &out))
	require.Equal(t, in, out)
	require.Error(t, json.Unmarshal([]byte(`{"host":"acme/-x"}`), &out))

	for _, bad := range []string{"", "/", "a/", "/b", "a/-b", "-a/b", "a/b/c", "a//b", "a/b@c", "../b", "a/..", "a/."} {
		_, err := ident.ParseHost(bad)
		require.Error(t, err, bad)
	}
}

func TestHostSnap(t *testing.T) {
	t.Parallel()
	hs, err := ident.ParseHostSnap("acme/web1@daily-202611230130")
	require.NoError(t, err)
	require.Equal(t, "daily-202611230130", hs.Snapshot)
	require.Equal(t, "acme/web1@daily-202611230130", hs.String())
	hs, err = ident.ParseHostSnap("acme/web1")
	require.NoError(t, err)
	require.Empty(t, hs.Snapshot)
	require.Equal(t, "acme/web1", hs.String())
	for _, bad := range []string{"acme/web1@", "acme/web1@-x", "acme/web1@a@b", "acme/web1@a/b", "@x", "acme@x", "acme/web1@a b", "acme/web1@a%b"} {
		_, err := ident.ParseHostSnap(bad)
		require.Error(t, err, bad)
	}
}

func TestAddress(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]ident.Address{
		"web1.acme.example":      {Host: "web1.acme.example"},
		"web1.acme.example.":     {Host: "web1.acme.example."},
		"localhost":              {Host: "localhost"},
		"_x.acme.example":        {Host: "_x.acme.example"},
		"192.0.2.7":              {Host: "192.0.2.7"},
		"2001:db8::1":            {Host: "2001:db8::1"},
		"::1":                    {Host: "::1"},
		"[2001:db8::1]":          {Host: "2001:db8::1"},
		"[::1]::backup":          {Host: "::1", Module: "backup"},
		"nas.acme.example::home": {Host: "nas.acme.example", Module: "home"},
		"192.0.2.7::var_data":    {Host: "192.0.2.7", Module: "var_data"},
		"9to5.example":           {Host: "9to5.example"},
	} {
		got, err := ident.ParseAddress(in)
		require.NoError(t, err, in)
		require.Equal(t, want, got, in)
		again, err := ident.ParseAddress(got.String())
		require.NoError(t, err, in)
		require.Equal(t, got, again, in)
	}
	for _, bad := range []string{
		"-oProxyCommand=id", "a.-b", "user@host", "host:22", "host:path", "host/path", "host::", "::module",
		"host::-x", "host::a/b", "host::a::b", "[host]", "[::1", "[192.0.2.7]", "fe80::1%eth0", "[fe80::1%25eth0]",
		"[::1]:22", "[::1]x", "256.1.1.1", "127.1", "0x7f000001", ".a", "a..b", "rsync://h/m", "h%m", "h#m",
		strings.Repeat("a", 64), strings.Repeat("a.", 127) + "a",
	} {
		_, err := ident.ParseAddress(bad)
		require.Error(t, err, bad)
	}
}

func TestJump(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]ident.Jump{
		"gate":                  {Host: "gate"},
		"ops@gate.example:2222": {User: "ops", Host: "gate.example", Port: 2222},
		"[2001:db8::1]:22":      {Host: "2001:db8::1", Port: 22},
		"ops@2001:db8::1":       {User: "ops", Host: "2001:db8::1"},
	} {
		got, err := ident.ParseJump(in)
		require.NoError(t, err, in)
		require.Equal(t, want, got, in)
	}
	for _, bad := range []string{"gate:0", "gate:99999", "gate:", "gate:x", "@gate", "ops@", "-x@gate", "a@b@c", "gate::m", "a,b"} {
		require.Error(t, ident.CheckJump(bad), bad)
	}
}

func TestDataset(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"tank", "tank/BACKUP", "tank/BACKUP/acme/web1", "tank/_local", "rpool/a:b"} {
		require.NoError(t, ident.CheckDataset(good), good)
	}
	for _, bad := range []string{"/tank", "tank/", "tank//a", "tank/-a", "tank/.", "tank/..", "tank@a", "tank#a", "tank%a", "1tank", strings.Repeat("a/", 120) + "a"} {
		require.Error(t, ident.CheckDataset(bad), bad)
	}
}
