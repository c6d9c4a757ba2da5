package policy

import (
	"errors"
	"math"
	"strconv"
	"strings"
)

// A Sample is which files of a snapshot a verification restores and compares,
// besides the canaries.
type Sample struct {
	// All takes every file; then the rest but Bytes does not matter.
	All bool
	// Random is how many files are drawn by lot, Largest how many of the largest
	// there are.
	Random, Largest int
	// Bytes bounds what is restored at a time. A larger file is left out of a
	// sample.
	Bytes int64
}

// The sample of a verification where nothing else is said, and its bounds.
const (
	DefaultSampleBytes = 2 << 30
	MinSampleBytes     = 1 << 20
	MaxSampleFiles     = 5000
)

// DefaultSample is some fifty files.
func DefaultSample() Sample {
	return Sample{Random: 50, Largest: 5, Bytes: DefaultSampleBytes}
}

// ParseSample reads "random=50,largest=5,bytes=2G" or "all,bytes=2G": parts in
// any order, each at most once. Bytes are 2G where they are left out; a file
// count that is left out is 0.
func ParseSample(text string) (Sample, error) {
	const example = "for example random=50,largest=5,bytes=2G, or all"
	s := Sample{Bytes: DefaultSampleBytes}
	seen := map[string]bool{}
	for part := range strings.SplitSeq(text, ",") {
		name, value, hasValue := strings.Cut(strings.TrimSpace(part), "=")
		if seen[name] {
			return Sample{}, refuse("%q names %s twice: give each part once, %s", text, name, example)
		}
		seen[name] = true
		var err error
		switch {
		case name == "all" && !hasValue:
			s.All = true
		case name == "random" && hasValue:
			s.Random, err = parseNumber(value)
		case name == "largest" && hasValue:
			s.Largest, err = parseNumber(value)
		case name == "bytes" && hasValue:
			s.Bytes, err = parseBytes(value)
		default:
			return Sample{}, refuse("%q is not part of a sample: write %s", part, example)
		}
		if err != nil {
			return Sample{}, err
		}
	}
	return s, checkSample(s)
}

func checkSample(s Sample) error {
	switch {
	case s.All && (s.Random != 0 || s.Largest != 0):
		return errors.New("all takes every file: leave random and largest out")
	case s.Random < 0 || s.Largest < 0 || s.Random > MaxSampleFiles || s.Largest > MaxSampleFiles:
		return refuse("a sample has from 0 to %d files of a kind: give a number in these bounds, or all", MaxSampleFiles)
	case !s.All && s.Random+s.Largest == 0:
		return errors.New("it takes no file: give random=50, largest=5 or all")
	case s.Bytes < MinSampleBytes:
		return refuse("bytes=%s is too little: give at least 1M", formatBytes(s.Bytes))
	}
	return nil
}

// String gives the text that ParseSample reads; that of the zero value is
// empty.
func (s Sample) String() string {
	if s == (Sample{}) {
		return ""
	}
	var parts []string
	if s.All {
		parts = append(parts, "all")
	}
	if s.Random > 0 {
		parts = append(parts, "random="+strconv.Itoa(s.Random))
	}
	if s.Largest > 0 {
		parts = append(parts, "largest="+strconv.Itoa(s.Largest))
	}
	return strings.Join(append(parts, "bytes="+formatBytes(s.Bytes)), ",")
}

// MarshalText gives what String gives.
func (s Sample) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText wrote; an empty text is the zero value.
func (s *Sample) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*s = Sample{}
		return nil
	}
	parsed, err := ParseSample(string(text))
	if err != nil {
		return err
	}
	*s = parsed
	return nil
}

const byteUnits = "KMGT"

// parseBytes reads a number of bytes, or one with a binary unit: 512M, 2G.
func parseBytes(text string) (int64, error) {
	digits, shift := text, 0
	if text != "" {
		if i := strings.IndexByte(byteUnits, text[len(text)-1]); i >= 0 {
			digits, shift = text[:len(text)-1], 10*(i+1)
		}
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || n > math.MaxInt64>>shift {
		return 0, refuse("%q is not a size: write a number and K, M, G or T, for example 2G", text)
	}
	return int64(n) << shift, nil
}

// formatBytes gives the text that parseBytes reads, in the largest unit that
// divides the number.
func formatBytes(n int64) string {
	unit := ""
	for _, u := range byteUnits {
		if n == 0 || n%1024 != 0 {
			break
		}
		n, unit = n/1024, string(u)
	}
	return strconv.FormatInt(n, 10) + unit
}

// checkVerifyEvery takes 0, which is never, or a time that an hourly look can
// keep to.
func checkVerifyEvery(i Interval) error {
	if i != 0 && i < Hour {
		return refuse("%s is out of bounds: give at least %s, or 0 for never", i, Hour)
	}
	return upTo(520 * Week)(i)
}

// checkCanary takes the path of one file on a host.
func checkCanary(path string) error {
	if err := checkLine(path); err != nil {
		return err
	}
	if !strings.HasPrefix(path, "/") || strings.HasSuffix(path, "/") {
		return refuse("%q is not the path of a file: write it from / on, for example /etc/hostname", path)
	}
	return checkInclude(path)
}
