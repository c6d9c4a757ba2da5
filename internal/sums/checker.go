package sums

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"io"

	"github.com/cespare/xxhash/v2"
	"github.com/zeebo/xxh3"
	"golang.org/x/crypto/md4" //nolint:staticcheck // a check of what rsync says, not of who says it
)

// Checker finds out whether content is that of a checksum. Which kind a host's
// rsync has taken is known from the number of digits only, and two of the same
// length are told apart by trying both.
type Checker struct {
	io.Writer
	want string
	// kinds give what was written so far.
	kinds []func() string
}

// NewChecker checks content against hex: 16 digits are of xxh64 or xxh3, 32 of
// xxh128 or md5, or of md4 where a host's flags ask for it, 40 of sha1. Any other
// length is an error.
func NewChecker(hex string) (*Checker, error) {
	c := &Checker{want: hex}
	switch len(hex) {
	case 16:
		a, b := xxhash.New(), xxh3.New()
		c.Writer = io.MultiWriter(a, b)
		c.kinds = []func() string{digits(a), func() string { return digits64(b.Sum64()) }}
	case 32:
		a, b, d := xxh3.New128(), md5.New(), md4.New()
		c.Writer = io.MultiWriter(a, b, d)
		c.kinds = []func() string{digits(a), digits(b), digits(d)}
	case 40:
		a := sha1.New()
		c.Writer = a
		c.kinds = []func() string{digits(a)}
	default:
		return nil, fmt.Errorf("%q is not a checksum of a known kind", hex)
	}
	return c, nil
}

// Match says whether the content that was written is that of the checksum.
func (c *Checker) Match() bool {
	for _, kind := range c.kinds {
		if kind() == c.want {
			return true
		}
	}
	return false
}

func digits(h hash.Hash) func() string {
	return func() string { return hex.EncodeToString(h.Sum(nil)) }
}

func digits64(n uint64) string {
	return hex.EncodeToString(binary.BigEndian.AppendUint64(nil, n))
}
