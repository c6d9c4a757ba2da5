package browser

import (
	"strconv"
	"time"
)

// pollEvery is how often a page is looked at while something is waited for.
const pollEvery = 100 * time.Millisecond

// quote gives a text of these tests as a literal of scripts and of XPath.
func quote(text string) string { return strconv.Quote(text) }
