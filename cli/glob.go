package cli

import (
	"regexp"
	"strings"
)

// glob gives what says whether a name matches a pattern of the shell: * stands
// for any text, slashes too, ? for one character, [a-z] and [!a-z] for one of a
// set. A bracket that nothing closes stands for itself.
func glob(pattern string) (func(name string) bool, error) {
	var re strings.Builder
	re.WriteString(`(?s)\A`)
	for rest := pattern; rest != ""; {
		switch c := rest[0]; c {
		case '*':
			re.WriteString(`.*`)
		case '?':
			re.WriteString(`.`)
		case '[':
			if end := strings.IndexByte(rest[1:], ']'); end > 0 {
				set := rest[1 : 1+end]
				if not, ok := strings.CutPrefix(set, "!"); ok {
					set = "^" + not
				}
				re.WriteString("[" + strings.ReplaceAll(set, `\`, `\\`) + "]")
				rest = rest[end+2:]
				continue
			}
			re.WriteString(`\[`)
		default:
			re.WriteString(regexp.QuoteMeta(rest[:1]))
		}
		rest = rest[1:]
	}
	re.WriteString(`\z`)
	compiled, err := regexp.Compile(re.String())
	if err != nil {
		return nil, usagef("%q is not a pattern: a set in brackets is like [a-z]", pattern)
	}
	return compiled.MatchString, nil
}
