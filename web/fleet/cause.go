package fleet

import (
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"planb/internal/catalog"
	"planb/internal/policy"
	"planb/web/ui"
)

// Cause says why a host needs a person, and what they can do about it. Text in
// backquotes is a command.
func Cause(h catalog.HostLine, now time.Time) (cause, remedy string) {
	switch {
	case h.LastVerifyState == catalog.VerifyMismatch:
		return "A verification found files in its backup that are not as they have to be.",
			"Which ones: `planb verify --report " + h.Host + "`. Look at the pool with `zpool status`, and keep older snapshots until this is settled."
	case h.SuspectSince != nil:
		return "A guard found the backup of " + ui.Stamp(*h.SuspectSince) + " suspect; nothing is pruned meanwhile.",
			"Look at what changed, then accept or reject it: `planb host accept " + h.Host + "` or `planb host reject " + h.Host + "`."
	case string(h.State) == policy.StateWaiting:
		cause = "Its backup waits: " + string(h.Message)
		if h.NextTry != nil {
			remedy = "It tries again by itself " + ui.Since(*h.NextTry, now) + "."
		}
		return cause, remedy
	case string(h.EndedState) == policy.StateFailed || string(h.EndedState) == policy.StatePartial:
		cause, remedy = string(h.EndedMessage), string(h.EndedRemedy)
		if cause == "" {
			cause = "Its last backup came out " + string(h.EndedState) + "."
		}
	case h.EndedState == "" && h.LastGood == nil:
		cause, remedy = "It has never been backed up.", "Back it up now, or wait for its schedule."
	case h.HealthReason != "":
		cause = sentence(string(h.HealthReason))
	default:
		cause = "Its last backup came out well, but none has begun since when it was due."
		remedy = "See whether `planb control` and the worker of its storage server run, and what `planb schedule check` says."
	}
	if string(h.State) == policy.StateRunning {
		remedy = fmt.Sprintf("A backup is running now, since %s.", ui.Since(*h.LastRun, now))
	}
	return cause, remedy
}

// sentence begins text with a capital and ends it with a full stop.
func sentence(text string) string {
	first, rest := utf8.DecodeRuneInString(text)
	text = string(unicode.ToUpper(first)) + text[rest:]
	if !strings.HasSuffix(text, ".") {
		text += "."
	}
	return text
}
