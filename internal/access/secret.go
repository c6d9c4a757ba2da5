package access

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"strings"
)

// TokenPrefix begins every API token, so that people and scanners of leaked
// secrets know one when they see it.
const TokenPrefix = "planb_"

// secretBytes is 256 bits: nothing that can be guessed, so a plain hash of it
// is enough.
const secretBytes = 32

// NewSecret gives the secret of a session.
func NewSecret() string {
	b := make([]byte, secretBytes)
	_, _ = rand.Read(b) // never fails, see its documentation
	return base64.RawURLEncoding.EncodeToString(b)
}

// NewToken gives the secret of an API token.
func NewToken() string { return TokenPrefix + NewSecret() }

// IsToken says whether s looks like an API token.
func IsToken(s string) bool { return strings.HasPrefix(s, TokenPrefix) }

// HashSecret gives what is kept of a secret.
func HashSecret(s string) []byte {
	sum := sha256.Sum256([]byte(s))
	return sum[:]
}
