package index

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"unicode/utf8"
)

// maxPattern is the longest pattern, in bytes, that is looked for.
const maxPattern = 4096

// ErrPattern is a pattern that cannot be understood.
var ErrPattern = errors.New("bad pattern")

// Pattern says which paths are looked for.
type Pattern struct {
	re *regexp.Regexp
	// whole says that it is matched with the path, not with the name alone.
	whole bool
}

// ParsePattern reads a pattern as a person writes it. One with *, ? or […] has
// to match all of the name, or, if it holds a slash, all of the path: from the
// root if it begins with one, else from any directory on. * and ? match within
// a name, and ** across directories; \ takes the next character as it is.
// Anything else is looked for anywhere in the name, or in the path if it holds a
// slash, as locate does. Bytes that are no UTF-8 match any such byte.
func ParsePattern(text string, ignoreCase bool) (Pattern, error) {
	if text == "" || len(text) > maxPattern {
		return Pattern{}, fmt.Errorf("%w: it must have 1 to %d bytes", ErrPattern, maxPattern)
	}
	var b strings.Builder
	b.WriteString("(?s")
	if ignoreCase {
		b.WriteString("i")
	}
	b.WriteString(")")
	p := Pattern{whole: strings.Contains(text, "/")}
	if !strings.ContainsAny(text, "*?[") {
		for _, r := range text {
			literal(&b, r)
		}
		p.re = regexp.MustCompile(b.String())
		return p, nil
	}
	b.WriteString(`\A`)
	if p.whole && text[0] != '/' {
		b.WriteString(`(?:/|/.*/)`)
	}
	if err := glob(&b, text); err != nil {
		return Pattern{}, err
	}
	b.WriteString(`\z`)
	re, err := regexp.Compile(b.String())
	if err != nil {
		return Pattern{}, fmt.Errorf("%w: %w", ErrPattern, err)
	}
	p.re = re
	return p, nil
}

// glob writes the regular expression of a pattern with wildcards.
func glob(b *strings.Builder, text string) error {
	for text != "" {
		r, n := utf8.DecodeRuneInString(text)
		switch {
		case strings.HasPrefix(text, "**/"):
			b.WriteString(`(?:.*/)?`) // also no directory at all
			n = 3
		case strings.HasPrefix(text, "**"):
			b.WriteString(`.*`)
			n = 2
		case r == '*':
			b.WriteString(`[^/]*`)
		case r == '?':
			b.WriteString(`[^/]`)
		case r == '[':
			var err error
			if n, err = class(b, text); err != nil {
				return err
			}
		case r == '\\' && len(text) > 1:
			r, m := utf8.DecodeRuneInString(text[1:])
			literal(b, r)
			n += m
		default:
			literal(b, r)
		}
		text = text[n:]
	}
	return nil
}

// class writes one […] at the start of text, and gives its length in bytes.
func class(b *strings.Builder, text string) (int, error) {
	i := 1
	b.WriteString("[")
	if strings.HasPrefix(text[i:], "!") || strings.HasPrefix(text[i:], "^") {
		b.WriteString("^/")
		i++
	}
	for first := true; ; first = false {
		if i >= len(text) {
			return 0, fmt.Errorf("%w: a [ has no ]; write \\[ for the character itself", ErrPattern)
		}
		if text[i] == ']' && !first {
			b.WriteString("]")
			return i + 1, nil
		}
		low, n := member(text[i:])
		i += n
		high := low
		if strings.HasPrefix(text[i:], "-") && i+1 < len(text) && text[i+1] != ']' {
			high, n = member(text[i+1:])
			i += 1 + n
		}
		if high < low {
			return 0, fmt.Errorf("%w: the range %c-%c is empty", ErrPattern, low, high)
		}
		fmt.Fprintf(b, `\x{%x}-\x{%x}`, low, high)
	}
}

// member gives the next character of a class, and its length in bytes.
func member(text string) (rune, int) {
	r, n := utf8.DecodeRuneInString(text)
	if r == '\\' && len(text) > 1 {
		r, m := utf8.DecodeRuneInString(text[1:])
		return r, n + m
	}
	return r, n
}

// literal writes one character. A byte that is no UTF-8 is U+FFFD here, as it is
// for the regular expression.
func literal(b *strings.Builder, r rune) { fmt.Fprintf(b, `\x{%x}`, r) }

// match says whether a file is looked for. path is called only if it is wanted.
func (p Pattern) match(name string, path func() (string, error)) (bool, error) {
	if !p.whole {
		return p.re.MatchString(name), nil
	}
	full, err := path()
	return err == nil && p.re.MatchString(full), err
}
