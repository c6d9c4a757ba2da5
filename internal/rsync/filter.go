package rsync

import (
	"errors"
	"fmt"
	"strings"
)

// Filter turns lists of paths into rsync's filter rules.
type Filter struct{ rules []string }

// NewFilter makes the rules for what to take of a host and what to leave.
//
// An include is a path from the host's root, with or without a leading slash;
// a directory comes with all that is below it. "/" or an empty list means
// everything. Of its parent directories just themselves come along. In both
// lists *, ? and […] stand for parts of a name, ** for any part of a path, and
// a backslash makes the next character an ordinary one.
//
// An exclude with a slash at its start or inside is such a path too; one
// without (*.tmp, .cache) is a name that is left out wherever it occurs. A
// slash at the end makes either match directories alone. Excludes win.
func NewFilter(includes, excludes []string) (Filter, error) {
	var f Filter
	for _, e := range excludes {
		pattern, err := parsePattern(e)
		if err != nil {
			return f, fmt.Errorf("exclude %q: %w", e, err)
		}
		if len(pattern.segments) == 0 {
			return f, fmt.Errorf("exclude %q would leave nothing to back up: name a path below it", e)
		}
		f.add("-", pattern.exclude())
	}
	all := len(includes) == 0
	seen := map[string]bool{}
	include := func(rule string) {
		if !seen[rule] {
			seen[rule] = true
			f.add("+", rule)
		}
	}
	for _, i := range includes {
		pattern, err := parsePattern(i)
		if err != nil {
			return f, fmt.Errorf("include %q: %w", i, err)
		}
		if len(pattern.segments) == 0 {
			all = true
			continue
		}
		for n := 1; n < len(pattern.segments); n++ {
			parent := pattern.segments[:n]
			rule := emit(parent, "")
			if wild(parent) {
				// Of what the pattern happens to match, only directories.
				rule = emit(parent, "/")
			}
			include(rule)
		}
		if !pattern.dirOnly {
			include(emit(pattern.segments, ""))
		} else {
			include(emit(pattern.segments, "/"))
		}
		include(emit(pattern.segments, "/**"))
	}
	if !all {
		f.add("-", "*")
	} else {
		f.rules = f.rules[:len(excludes)]
	}
	return f, nil
}

func (f *Filter) add(kind, pattern string) { f.rules = append(f.rules, kind+" "+pattern) }

// Bytes gives the rules for a merge file that rsync reads with --from0.
func (f Filter) Bytes() []byte {
	if len(f.rules) == 0 {
		return nil
	}
	return []byte(strings.Join(f.rules, "\x00") + "\x00")
}

// protecting gives the rules by which a deletion spares what is left out.
func (f Filter) protecting() Filter {
	var out Filter
	for _, rule := range f.rules {
		kind, pattern, _ := strings.Cut(rule, " ")
		out.add(map[string]string{"-": "P", "+": "R"}[kind], pattern)
	}
	return out
}

// letter is one character of a pattern; special ones mean something.
type letter struct {
	r       byte
	special bool
}

type pattern struct {
	segments [][]letter
	anchored bool
	dirOnly  bool
}

func parsePattern(s string) (pattern, error) {
	var p pattern
	switch {
	case strings.TrimSpace(s) == "":
		return p, errors.New("it is empty: give a path or a name")
	case strings.ContainsRune(s, 0):
		return p, errors.New("it has a NUL byte, which no path can have")
	}
	var segment []letter
	flush := func() error {
		if text := plain(segment); text == ".." {
			return errors.New("it has \"..\": give the path itself")
		} else if text != "" && text != "." {
			p.segments = append(p.segments, segment)
		}
		segment = nil
		return nil
	}
	open := false
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\\' && i+1 < len(s):
			i++
			segment = append(segment, letter{r: s[i]})
		case c == '\\':
			return p, errors.New("it ends in a backslash: write \\\\ for one that is part of the name")
		case c == '/':
			if open {
				return p, errors.New("it has a slash between [ and ]: write \\[ for a bracket that is part of the name")
			}
			if err := flush(); err != nil {
				return p, err
			}
			if i < len(s)-1 {
				p.anchored = true
			}
			p.dirOnly = i == len(s)-1
		default:
			special := strings.IndexByte("*?[", c) >= 0
			if c == '[' {
				open = true
			}
			if c == ']' && open {
				open, special = false, true
			}
			segment = append(segment, letter{r: c, special: special})
		}
	}
	if open {
		return p, errors.New("it has a [ without ]: write \\[ for a bracket that is part of the name")
	}
	return p, flush()
}

// exclude gives the rule's pattern.
func (p pattern) exclude() string {
	end := ""
	if p.dirOnly {
		end = "/"
	}
	if !p.anchored {
		return strings.TrimPrefix(emit(p.segments, end), "/")
	}
	return emit(p.segments, end)
}

// emit writes segments as a pattern from the root. rsync reads a backslash as
// an escape only in a pattern that has a wildcard in it.
func emit(segments [][]letter, end string) string {
	escape := strings.Contains(end, "*")
	for _, segment := range segments {
		for _, l := range segment {
			escape = escape || strings.IndexByte("*?[", l.r) >= 0
		}
	}
	var b strings.Builder
	for _, segment := range segments {
		b.WriteByte('/')
		for _, l := range segment {
			if escape && !l.special && strings.IndexByte(`*?[]\`, l.r) >= 0 {
				b.WriteByte('\\')
			}
			b.WriteByte(l.r)
		}
	}
	return b.String() + end
}

func wild(segments [][]letter) bool {
	for _, segment := range segments {
		for _, l := range segment {
			if l.special {
				return true
			}
		}
	}
	return false
}

func plain(segment []letter) string {
	b := make([]byte, len(segment))
	for i, l := range segment {
		b[i] = l.r
	}
	return string(b)
}
