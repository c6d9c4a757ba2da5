package policy

import (
	"errors"
	"strconv"
	"strings"
	"time"
	"unicode"
)

func anything[T any](T) error { return nil }

func asIs(s string) (string, error) { return s, nil }

func plain(s string) string { return s }

func parseNumber(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil {
		return 0, refuse("%q is not a whole number", s)
	}
	return n, nil
}

func parsePercent(s string) (int, error) {
	return parseNumber(strings.TrimSpace(strings.TrimSuffix(s, "%")))
}

func parseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "yes", "true", "on", "1":
		return true, nil
	case "no", "false", "off", "0":
		return false, nil
	}
	return false, refuse("%q is neither yes nor no", s)
}

func between(low, high int) func(int) error {
	return func(n int) error {
		if n < low || n > high {
			return refuse("%d is out of bounds: give a number from %d to %d", n, low, high)
		}
		return nil
	}
}

func upTo(most Interval) func(Interval) error {
	return func(i Interval) error {
		if i < 0 || i > most {
			return refuse("%s is out of bounds: give at most %s", i, most)
		}
		return nil
	}
}

func checkEvery(i Interval) error {
	if i < MinEvery || i > MaxEvery {
		return refuse("%s is out of bounds: give from %s to %s", i, MinEvery, MaxEvery)
	}
	if i%Minute != 0 {
		return refuse("%s has seconds: give whole minutes", i)
	}
	return nil
}

// checkCatchUp holds to the least that a Temporal schedule takes.
func checkCatchUp(i Interval) error {
	if i < 10*Second || i > MaxEvery {
		return refuse("%s is out of bounds: give from %s to %s", i, 10*Second, MaxEvery)
	}
	return nil
}

func checkKeep(r Retention) error {
	for _, n := range []int{r.Hourly, r.Daily, r.Weekly, r.Monthly, r.Yearly} {
		if n < 0 || n > maxKept {
			return refuse("%d is out of bounds: give counts from 0 to %d", n, maxKept)
		}
	}
	if r.Total() == 0 {
		return refuse("it keeps nothing: keep at least one snapshot, for example 16d,4w,12m,2y")
	}
	return nil
}

func checkZone(name string) error {
	_, err := loadZone(name)
	return err
}

func loadZone(name string) (*time.Location, error) {
	if name == "Local" { // the zone of whichever machine happens to ask
		return nil, refuse("%q is not a time zone: give a name such as Europe/Amsterdam, or UTC", name)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		return nil, refuse("%q is not a time zone known here: give a name such as Europe/Amsterdam, or UTC", name)
	}
	return loc, nil
}

// checkLine accepts anything that stays on one line of a file.
func checkLine(s string) error {
	switch {
	case strings.TrimSpace(s) == "":
		return errors.New("an entry is empty: leave it out")
	case strings.ContainsFunc(s, unicode.IsControl):
		return refuse("%q has a control character: write it without", s)
	}
	return nil
}

func checkInclude(path string) error {
	if err := checkLine(path); err != nil {
		return err
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == ".." || part == "." {
			return refuse("%q has a part %q: write the path from / on, for example var/www", path, part)
		}
	}
	return nil
}

// checkAbsolute accepts no path, or one that no program can read as an option.
func checkAbsolute(path string) error {
	if path == "" {
		return nil
	}
	if err := checkLine(path); err != nil {
		return err
	}
	if !strings.HasPrefix(path, "/") {
		return refuse("%q is not an absolute path: begin it with a slash", path)
	}
	return nil
}

// checkUser and checkJump keep out what could be read as an option or by a
// shell. What a good name is, package ident knows; this package stands alone.
func checkUser(s string) error {
	if s == "" {
		return errors.New("the user is empty: give a login on the host")
	}
	return checkWord(s, "._-")
}

func checkJump(s string) error { return checkWord(s, "._-@:[]") }

func checkWord(s, punctuation string) error {
	odd := func(r rune) bool {
		return (r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)) && !strings.ContainsRune(punctuation, r)
	}
	if strings.HasPrefix(s, "-") || strings.ContainsFunc(s, odd) {
		return refuse("%q has a dash at its start or a character other than letters, digits and %s", s, punctuation)
	}
	return nil
}
