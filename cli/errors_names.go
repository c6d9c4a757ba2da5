package cli

import (
	"errors"

	"planb/internal/access"
	"planb/internal/ident"
	"planb/internal/policy"
)

// isNameError says whether err is about a name or a setting that a person
// wrote.
func isNameError(err error) bool {
	var name *ident.Error
	var setting *policy.Error
	var who *access.Error
	return errors.As(err, &name) || errors.As(err, &setting) || errors.As(err, &who)
}
