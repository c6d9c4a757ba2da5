package ident

import "strings"

// CheckEmail checks that s can be the address of a mail: a name, an @ and a
// domain, without what separates addresses from one another. Whether mail
// arrives there is not known before it is sent.
func CheckEmail(s string) error {
	name, domain, found := strings.Cut(s, "@")
	if !found || name == "" || domain == "" || len(s) > 254 || strings.ContainsAny(s, " \t\r\n,;<>\x00") {
		return &Error{What: "a mail address", Value: s, Reason: "write it as name@domain"}
	}
	return nil
}
