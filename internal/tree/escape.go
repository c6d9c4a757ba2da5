package tree

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Escape gives s for showing on a terminal or page: as it is where all of it is
// printable UTF-8, else with everything that is not, and backslashes, escaped
// as in a Go string. The second result says whether it had to.
func Escape(s string) (string, bool) {
	if printable(s) {
		return s, false
	}
	var b strings.Builder
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && n == 1:
			b.WriteString(fmt.Sprintf(`\x%02x`, s[0]))
		case r == '\\':
			b.WriteString(`\\`)
		case strconv.IsPrint(r):
			b.WriteRune(r)
		default:
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		}
		s = s[n:]
	}
	return b.String(), true
}

func printable(s string) bool {
	for len(s) > 0 {
		r, n := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && n == 1 || !strconv.IsPrint(r) {
			return false
		}
		s = s[n:]
	}
	return true
}
