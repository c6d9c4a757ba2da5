package rsync

import (
	"strconv"
	"strings"
	"time"
)

// RestoredPath is what a restore does, or would do, to one path.
type RestoredPath struct {
	// Action is new, overwritten, kept or deleted.
	Action string `json:"action"`
	// Path ends in a slash for a directory; what is not printable in it is
	// escaped.
	Path string `json:"path"`
	// SizeBytes is that of the file in the snapshot.
	SizeBytes int64 `json:"size_bytes"`
}

// ParseRestoredPath reads a line "time action size path" of a restore's log;
// every other line is none.
func ParseRestoredPath(line string) (RestoredPath, bool) {
	at, rest, _ := strings.Cut(line, " ")
	action, rest, _ := strings.Cut(rest, " ")
	number, path, ok := strings.Cut(rest, " ")
	switch action {
	case ActionNew, ActionOverwritten, ActionKept, ActionDeleted:
	default:
		return RestoredPath{}, false
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if _, timeErr := time.Parse(time.RFC3339, at); !ok || err != nil || timeErr != nil {
		return RestoredPath{}, false
	}
	return RestoredPath{Action: action, Path: path, SizeBytes: n}, true
}
