package ident_test

import (
	"strings"
	"testing"

	"planb/internal/ident"
)

// unsafe are the characters that a shell, ssh, rsync or zfs interprets. Colon,
// slash, at and brackets have a meaning in one kind of name each and are
// judged there.
const unsafe = " \t\r\n\x00\x7f!\"#$%&'()*+,;<=>?\\^`{|}~"

func check(t *testing.T, kind, s, also string) {
	t.Helper()
	if s == "" || s[0] == '-' || strings.ContainsAny(s, unsafe+also) || strings.Contains(s, "..") {
		t.Errorf("%s accepted %q", kind, s)
	}
	for _, r := range s {
		if r < ' ' || r > '~' {
			t.Errorf("%s accepted %q", kind, s)
		}
	}
}

func FuzzAccepted(f *testing.F) {
	for _, s := range append(hostile, "acme/web1", "acme/web1@daily-202611230130", "[::1]::m", "a::b", "ops@gate:22", "tank/a:b", "::ffff:1.2.3.4") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for kind, accepts := range map[string]func(string) error{
			"group": ident.CheckGroup, "host name": ident.CheckHostName, "label": ident.CheckLabel,
			"server": ident.CheckServer, "user": ident.CheckUser,
		} {
			if accepts(s) == nil {
				check(t, kind, s, "/@:[]")
			}
		}
		if ident.CheckSnapshot(s) == nil {
			check(t, "snapshot", s, "/@[]")
		}
		if ident.CheckDataset(s) == nil {
			for part := range strings.SplitSeq(s, "/") {
				check(t, "dataset", part, "@[]")
				if part == "." {
					t.Errorf("dataset accepted %q", s)
				}
			}
		}
		if h, err := ident.ParseHost(s); err == nil {
			check(t, "group", h.Group, "/@:[]")
			check(t, "host", h.Name, "/@:[]")
			if h.String() != s {
				t.Errorf("%q became %q", s, h)
			}
		}
		if hs, err := ident.ParseHostSnap(s); err == nil && hs.String() != s {
			t.Errorf("%q became %q", s, hs)
		}
		if a, err := ident.ParseAddress(s); err == nil {
			check(t, "address", a.Host, "/@[]")
			if a.Module != "" {
				check(t, "module", a.Module, "/@:[]")
			}
			if again, err := ident.ParseAddress(a.String()); err != nil || again != a {
				t.Errorf("%q gave %+v, then %+v, %v", s, a, again, err)
			}
		}
		if j, err := ident.ParseJump(s); err == nil {
			check(t, "jump host", j.Host, "/@[]")
			if j.User != "" {
				check(t, "jump user", j.User, "/@:[]")
			}
		}
	})
}
