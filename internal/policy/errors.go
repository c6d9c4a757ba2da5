package policy

import "fmt"

// An Error is a value that is refused. Its text is one sentence for the person
// who gave the value.
type Error struct {
	// Setting is the name of the setting, as in JSON; empty when a value was
	// parsed on its own.
	Setting string
	// Reason says what is wrong and what to give instead.
	Reason string
}

// Error gives the sentence.
func (e *Error) Error() string {
	if e.Setting == "" {
		return e.Reason
	}
	return e.Setting + ": " + e.Reason
}

func refuse(format string, args ...any) error {
	return &Error{Reason: fmt.Sprintf(format, args...)}
}
