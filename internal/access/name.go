package access

import (
	"fmt"
	"regexp"
)

var (
	userName  = regexp.MustCompile(`^[a-z0-9][a-z0-9._@-]{0,62}$`)
	tokenName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,62}$`)
)

// CheckUser checks the name that a user signs in with.
func CheckUser(name string) error {
	if !userName.MatchString(name) {
		return &Error{fmt.Sprintf("%.80q is not a user name: use 1 to 63 small letters, digits, dots, dashes, underscores or @, the first a letter or digit", name)}
	}
	return nil
}

// CheckToken checks the name of a token.
func CheckToken(name string) error {
	if !tokenName.MatchString(name) {
		return &Error{fmt.Sprintf("%.80q is not a name for a token: use 1 to 63 letters, digits, dots, dashes, underscores or @, the first a letter or digit", name)}
	}
	return nil
}
