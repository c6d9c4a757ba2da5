package rsync

import (
	"strconv"
	"strings"
	"time"
)

// Sum is what the host's rsync said about a file that was received whole, as it
// was while it was read there.
type Sum struct {
	// Path is absolute on the host, in the very bytes of its name.
	Path string
	// Size is in bytes, MTime in seconds since 1970.
	Size, MTime int64
	// Hex is the checksum of the content, in the order of digits in which the
	// tools of its kind write it; empty where it is not known. Its length tells
	// the kind: 16 digits are xxh64 or xxh3, 32 xxh128 or md5.
	Hex string
}

// sumOf reads the fields of pullFormat. What is not understood makes a Sum
// without a checksum: that of before is not that of this content.
func sumOf(size, mtime, hex, name string) Sum {
	s := Sum{Path: "/" + strings.TrimPrefix(unescape(name), "/"), Hex: hex}
	var err error
	if s.Size, err = strconv.ParseInt(size, 10, 64); err != nil {
		s.Hex = ""
	}
	at, err := time.Parse("2006/01/02-15:04:05", mtime)
	if s.MTime = at.Unix(); err != nil {
		s.MTime, s.Hex = 0, ""
	}
	if strings.Trim(s.Hex, "0") == "" {
		s.Hex = "" // no sum of any content
	}
	return s
}

// unescape undoes what rsync does to the names it prints under --8-bit-output:
// control characters become \#ooo, in octal, and so does a backslash that could
// be taken for the beginning of one (log.c, filtered_fwrite).
func unescape(name string) string {
	if !strings.Contains(name, `\#`) {
		return name
	}
	var b strings.Builder
	for name != "" {
		if len(name) >= 5 && strings.HasPrefix(name, `\#`) {
			if c, err := strconv.ParseUint(name[2:5], 8, 8); err == nil {
				b.WriteByte(byte(c))
				name = name[5:]
				continue
			}
		}
		b.WriteByte(name[0])
		name = name[1:]
	}
	return b.String()
}
