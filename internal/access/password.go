package access

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// MinPassword and MaxPassword bound the length of a password: characters and
// bytes. NIST SP 800-63B asks for length and against rules of composition.
const (
	MinPassword = 10
	MaxPassword = 1024
)

// CheckPassword refuses what is too short to hold, or the name of its user.
func CheckPassword(user, password string) error {
	switch {
	case utf8.RuneCountInString(password) < MinPassword:
		return &Error{fmt.Sprintf("a password needs at least %d characters: a few words in a row do well", MinPassword)}
	case len(password) > MaxPassword:
		return &Error{fmt.Sprintf("a password has at most %d bytes: choose a shorter one", MaxPassword)}
	case user != "" && strings.EqualFold(user, password):
		return &Error{"a password must not be the name of its user: choose another"}
	case password == "CHOOSE-ONE":
		return &Error{"CHOOSE-ONE is the placeholder of the sample configuration: choose a password of your own"}
	}
	return nil
}

// cost is that of one hash. The values are a choice of OWASP's password
// storage cheat sheet: 46 MiB, one pass, one lane.
type cost struct {
	memory uint32 // KiB
	passes uint32
	lanes  uint8
}

var today = cost{memory: 46 << 10, passes: 1, lanes: 1}

const (
	saltBytes = 16
	keyBytes  = 32
	// atOnce bounds the memory that sign-ins can take: 4 × 46 MiB.
	atOnce = 4
)

// Passwords makes and checks hashes, a few at a time.
type Passwords struct {
	cost  cost
	slots chan struct{}
	// nobody is the hash that the password of an unknown user is compared
	// with, so that the answer takes as long as for a known one.
	nobody string
}

// NewPasswords makes one; a process should have only one, since it bounds the
// memory in use.
func NewPasswords() *Passwords {
	p := &Passwords{cost: today, slots: make(chan struct{}, atOnce)}
	p.nobody = encode(p.cost, make([]byte, saltBytes), make([]byte, keyBytes))
	return p
}

// Hash gives a PHC string for password with a new salt.
func (p *Passwords) Hash(ctx context.Context, password string) (string, error) {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // never fails, see its documentation
	key, err := p.key(ctx, p.cost, password, salt, keyBytes)
	if err != nil {
		return "", err
	}
	return encode(p.cost, salt, key), nil
}

// Verify says whether hash was made of password, and whether it should be made
// again because the cost of today is another. An empty hash, that of a user
// who is not there, takes as long and is never right.
func (p *Passwords) Verify(ctx context.Context, hash, password string) (ok, stale bool, err error) {
	known := hash != ""
	if !known {
		hash = p.nobody
	}
	if len(password) > MaxPassword {
		password = password[:MaxPassword+1] // too long to be right, and bounded
	}
	c, salt, want, err := decode(hash)
	if err != nil {
		return false, false, err
	}
	key, err := p.key(ctx, c, password, salt, uint32(len(want)))
	if err != nil {
		return false, false, err
	}
	ok = subtle.ConstantTimeCompare(key, want) == 1 && known
	return ok, c != p.cost || len(want) != keyBytes || len(salt) != saltBytes, nil
}

// key derives the key once a slot is free.
func (p *Passwords) key(ctx context.Context, c cost, password string, salt []byte, n uint32) ([]byte, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return argon2.IDKey([]byte(password), salt, c.passes, c.memory, c.lanes, n), nil
}

var errHash = errors.New("the stored hash of a password cannot be read: set the password again with planb user passwd")

func encode(c cost, salt, key []byte) string {
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.memory, c.passes, c.lanes, b64(salt), b64(key))
}

// decode reads a PHC string. It bounds the cost: whoever writes to the catalog
// must not be able to make a sign-in take all memory.
func decode(hash string) (c cost, salt, key []byte, err error) {
	parts := strings.Split(hash, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return c, nil, nil, errHash
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.memory, &c.passes, &c.lanes); err != nil {
		return c, nil, nil, errHash
	}
	if c.memory < 8 || c.memory > 1<<20 || c.passes < 1 || c.passes > 16 || c.lanes < 1 || c.lanes > 16 {
		return c, nil, nil, errHash
	}
	if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err != nil || len(salt) < 8 || len(salt) > 64 {
		return c, nil, nil, errHash
	}
	if key, err = base64.RawStdEncoding.DecodeString(parts[5]); err != nil || len(key) < 16 || len(key) > 64 {
		return c, nil, nil, errHash
	}
	return c, salt, key, nil
}
