// Package ident checks and parses the names that people give: hosts, groups,
// addresses, users, datasets. What it accepts cannot be read as an option and
// holds no character that a shell, rsync, ssh or zfs would interpret.
package ident

import (
	"errors"
	"fmt"
	"strings"
	"unicode"
)

const (
	maxName     = 63
	maxUser     = 32
	maxDataset  = 200 // ZFS allows 255 for dataset@snapshot together
	maxSnapshot = 100
)

// An Error is a name that is refused. Its text is one sentence for the person
// who typed the name.
type Error struct {
	// What was meant to be given, with its article: "a host name".
	What string
	// Value is what was given.
	Value string
	// Reason says what is wrong with it and what to give instead.
	Reason string
}

// Error gives the sentence.
func (e *Error) Error() string {
	return fmt.Sprintf("%q is not %s: %s", shorten(e.Value), e.What, e.Reason)
}

// shorten keeps an error to one line of bearable length.
func shorten(s string) string {
	const most = 80
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

// charset is the alphabet of one kind of name.
type charset struct {
	what  string
	first func(byte) bool
	rest  func(byte) bool
	// allowed describes the two functions to a person.
	allowed string
	longest int
}

func (c charset) check(s string) error {
	refuse := func(reason string) error { return &Error{What: c.what, Value: s, Reason: reason} }
	switch {
	case s == "":
		return refuse("it is empty; " + c.allowed)
	case len(s) > c.longest:
		return refuse(fmt.Sprintf("it has %d characters; use at most %d", len(s), c.longest))
	case strings.Contains(s, ".."):
		return refuse("it has two dots in a row; " + c.allowed)
	}
	for i := range len(s) {
		if i == 0 && !c.first(s[0]) || i > 0 && !c.rest(s[i]) {
			return refuse("it has " + describe(s, i) + "; " + c.allowed)
		}
	}
	return nil
}

// describe names the character at s[i] for an error.
func describe(s string, i int) string {
	where := ""
	if i == 0 {
		where = " at its start"
	}
	r := []rune(s[i:])[0]
	switch {
	case r == ' ':
		return "a space" + where
	case r == '-':
		return "a dash" + where
	case unicode.IsControl(r):
		return "a control character" + where
	}
	return fmt.Sprintf("the character %q%s", r, where)
}

func isAlnum(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
}

func isLetter(b byte) bool { return isAlnum(b) && b > '9' }

func isNameByte(b byte) bool { return isAlnum(b) || b == '.' || b == '_' || b == '-' }

func isDatasetByte(b byte) bool { return isNameByte(b) || b == ':' }

func isDatasetStart(b byte) bool { return isAlnum(b) || b == '_' }

const nameAllowed = "use letters, digits, dots, dashes and underscores, a letter or digit first, at most 63"

func name(what string) charset {
	return charset{what: what, first: isAlnum, rest: isNameByte, allowed: nameAllowed, longest: maxName}
}

// CheckGroup refuses what cannot be the name of a group.
func CheckGroup(s string) error { return name("a group name").check(s) }

// CheckHostName refuses what cannot be the part of a host after its group.
func CheckHostName(s string) error { return name("a host name").check(s) }

// CheckLabel refuses what cannot be the label of a snapshot asked for by hand.
func CheckLabel(s string) error { return name("a label").check(s) }

// CheckServer refuses what cannot be the name of a storage server. The name is
// part of the names of task queues.
func CheckServer(s string) error { return name("a server name").check(s) }

// CheckUser refuses what cannot be a login on a host.
func CheckUser(s string) error {
	return charset{
		what:    "a user name",
		first:   func(b byte) bool { return isLetter(b) || b == '_' },
		rest:    isNameByte,
		allowed: "use letters, digits, dots, dashes and underscores, a letter or underscore first, at most 32",
		longest: maxUser,
	}.check(s)
}

// CheckSnapshot refuses what cannot be the name of a snapshot, which is what
// stands after the @. It accepts more than PlanB makes itself, for the
// snapshots of others.
func CheckSnapshot(s string) error {
	return charset{
		what:    "a snapshot name",
		first:   isDatasetStart,
		rest:    isDatasetByte,
		allowed: "use letters, digits, dots, colons, dashes and underscores, no dash first, at most 100",
		longest: maxSnapshot,
	}.check(s)
}

// CheckDataset refuses what cannot be the name of a ZFS dataset such as
// "tank/BACKUP/acme/web1". It is stricter than zfs(8), which allows spaces.
func CheckDataset(s string) error {
	const what = "a ZFS dataset"
	if len(s) > maxDataset {
		return &Error{What: what, Value: s, Reason: fmt.Sprintf("it has %d characters; use at most %d", len(s), maxDataset)}
	}
	for i, part := range strings.Split(s, "/") {
		c := charset{
			what:    what,
			first:   isDatasetStart,
			rest:    isDatasetByte,
			allowed: "write it as pool/path, of letters, digits, dots, colons, dashes and underscores",
			longest: maxDataset,
		}
		if i == 0 { // zpool(8): the name of a pool begins with a letter
			c.first = isLetter
		}
		if err := c.check(part); err != nil {
			reason := err.Error()
			var bad *Error
			if errors.As(err, &bad) {
				reason = bad.Reason
			}
			if part == "" {
				reason = "it has an empty part; write it as pool/path without a slash at either end"
			}
			return &Error{What: what, Value: s, Reason: reason}
		}
	}
	return nil
}
