package dataplane

import (
	"bytes"
	"fmt"
)

// MinKey is the least number of bytes of a data key.
const MinKey = 32

// Key is the secret that callers share with the storage workers. It prints as
// a placeholder, so that no log or error shows it.
type Key struct{ secret []byte }

// NewKey takes secret as a key; one shorter than MinKey is refused.
func NewKey(secret []byte) (Key, error) {
	if len(secret) < MinKey {
		return Key{}, fmt.Errorf("the data key has %d bytes but needs at least %d: make one with `openssl rand -hex 32`", len(secret), MinKey)
	}
	return Key{secret: bytes.Clone(secret)}, nil
}

// String hides the secret.
func (Key) String() string { return "(data key)" }

// GoString hides the secret.
func (Key) GoString() string { return "(data key)" }

// MarshalText hides the secret from JSON and structured logs.
func (Key) MarshalText() ([]byte, error) { return []byte("(data key)"), nil }

func (k Key) ok() bool { return len(k.secret) >= MinKey }
