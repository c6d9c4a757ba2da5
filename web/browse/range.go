package browse

import (
	"errors"
	"strconv"
	"strings"
)

// errRange is a part that a file does not have.
var errRange = errors.New("no such range")

// byteRange reads a Range header (RFC 9110, 14.2) for a content of size bytes.
// One that is not understood, or that asks for several parts, is passed over, as
// the RFC allows: then it is the whole.
func byteRange(header string, size int64) (offset, length int64, partial bool, err error) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	from, to, dash := strings.Cut(spec, "-")
	if !ok || !dash || strings.Contains(spec, ",") {
		return 0, size, false, nil
	}
	from, to = strings.TrimSpace(from), strings.TrimSpace(to)
	first, err1 := strconv.ParseUint(from, 10, 63)
	last, err2 := strconv.ParseUint(to, 10, 63)
	switch {
	case from == "" && err2 == nil: // the last so many
		n := min(int64(last), size)
		if n == 0 {
			return 0, 0, false, errRange
		}
		return size - n, n, true, nil
	case err1 != nil, to != "" && err2 != nil, to != "" && last < first:
		return 0, size, false, nil
	case int64(first) >= size:
		return 0, 0, false, errRange
	}
	end := size - 1
	if to != "" {
		end = min(end, int64(last))
	}
	return int64(first), end - int64(first) + 1, true, nil
}
