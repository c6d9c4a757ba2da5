package rsync

import (
	"regexp"
	"strings"
)

// matcher says whether a path is one of those that patterns name; the patterns
// are written as excludes are.
type matcher []*regexp.Regexp

func newMatcher(patterns []string) (matcher, error) {
	var m matcher
	for _, s := range patterns {
		p, err := parsePattern(s)
		if err != nil {
			return nil, err
		}
		re, err := regexp.Compile(p.regexp())
		if err != nil {
			return nil, err
		}
		m = append(m, re)
	}
	return m, nil
}

// match takes an absolute path; a pattern that names a directory above it
// matches too.
func (m matcher) match(path string) bool {
	for _, re := range m {
		if re.MatchString(path) {
			return true
		}
	}
	return false
}

func (p pattern) regexp() string {
	var b strings.Builder
	b.WriteString(`(?s)^`)
	if !p.anchored {
		b.WriteString(`(?:/.*)?`)
	}
	for _, segment := range p.segments {
		b.WriteByte('/')
		for i := 0; i < len(segment); i++ {
			l := segment[i]
			switch {
			case !l.special:
				from := i
				for i+1 < len(segment) && !segment[i+1].special {
					i++
				}
				b.WriteString(regexp.QuoteMeta(strings.ToValidUTF8(plain(segment[from:i+1]), "\uFFFD")))
			case l.r == '*' && i+1 < len(segment) && segment[i+1] == (letter{'*', true}):
				b.WriteString(`.*`)
				i++
			case l.r == '*':
				b.WriteString(`[^/]*`)
			case l.r == '?':
				b.WriteString(`[^/]`)
			case l.r == '[' && i+1 < len(segment) && segment[i+1].r == '!':
				b.WriteString(`[^`)
				i++
			default:
				b.WriteByte(l.r)
			}
		}
	}
	b.WriteString(`(?:/.*)?$`)
	return b.String()
}
