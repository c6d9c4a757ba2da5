// Package export writes what people put into a catalog as a file, reads such
// files, and says what has to change so that a catalog agrees with one.
package export

import (
	"fmt"
	"strings"

	"planb/internal/catalog"
)

// Version is that of the form of the files; it goes up when a program would
// misread the files of a later one.
const Version = 1

// File is what a file says.
type File struct {
	catalog.Exported
	// HasSystem says that the file has the policy of the system.
	HasSystem bool
	// Notes are what could not be taken over from the first PlanB, one sentence
	// each.
	Notes []string
	// lines are where groups and hosts are in the file, by name.
	lines map[string]int
}

// Error is what is wrong with a file: one sentence for each place.
type Error struct{ Problems []Problem }

// Problem is one thing that is wrong.
type Problem struct {
	// Line counts from 1; 0 is the whole file.
	Line   int
	Reason string
}

// Error gives each problem on a line of its own.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.Reason
		if p.Line > 0 {
			lines[i] = fmt.Sprintf("line %d: %s", p.Line, p.Reason)
		}
	}
	return strings.Join(lines, "\n")
}
