package ui

import "regexp"

// patternOf gives the pattern of an input that only accepts s, for the v flag
// that browsers read it with, under which more characters must be escaped than
// Go does.
func patternOf(s string) string {
	return regexp.MustCompile(`[^A-Za-z0-9_@]`).ReplaceAllStringFunc(s, func(c string) string {
		return `[` + `\` + c + `]`
	})
}
