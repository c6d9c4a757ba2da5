package dataplane

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// MaxTokenLife is how far ahead a token may expire; Verify refuses a longer one,
// so that no caller hands out what amounts to a permanent key.
const MaxTokenLife = 15 * time.Minute

// maxToken is the longest token, in bytes, that Verify looks at.
const maxToken = 4096

// tokenVersion starts every token and is part of what is signed.
const tokenVersion = "planb1"

// What Verify may say of a token.
var (
	ErrTokenMalformed = errors.New("the token is not one of PlanB's")
	ErrTokenForged    = errors.New("the token was not signed with this server's data key: give both sides the same key file")
	ErrTokenExpired   = errors.New("the token has expired: ask again, and check that the clocks of both machines agree")
	ErrTokenEarly     = errors.New("the token is not valid yet: check that the clocks of both machines agree")
	ErrTokenLife      = errors.New("the token is valid for too long: one may live 15 minutes at most")
)

// Claims is what a token says: who may do what, with which dataset or run, and
// until when.
type Claims struct {
	// Subject is who asks, for the log: a user name or "cli:root".
	Subject string
	// Dataset is the dataset that may be read, with all beneath it.
	Dataset string
	// Run is the run whose log may be read.
	Run string
	// Ops are the operations allowed.
	Ops []Op
	// Expires is required; seconds count.
	Expires time.Time
	// NotBefore is optional.
	NotBefore time.Time
}

// wireClaims is the signed form of Claims: times in seconds of the Unix epoch.
type wireClaims struct {
	Exp     int64  `json:"exp"`
	Nbf     int64  `json:"nbf,omitempty"`
	Sub     string `json:"sub,omitempty"`
	Dataset string `json:"dataset,omitempty"`
	Run     string `json:"run,omitempty"`
	Ops     []Op   `json:"ops"`
}

// Allows says whether the claims cover op; a token to list covers stat.
func (c Claims) Allows(op Op) bool {
	return slices.Contains(c.Ops, op) || op == OpStat && slices.Contains(c.Ops, OpList)
}

// CoversDataset says whether the claims reach dataset.
func (c Claims) CoversDataset(dataset string) bool {
	return c.Dataset != "" && within(dataset, c.Dataset)
}

// CoversRun says whether the claims reach the log of run.
func (c Claims) CoversRun(run string) bool { return c.Run != "" && c.Run == run }

// Sign gives a token for c, signed with key: version, claims and HMAC-SHA256 in
// unpadded base64url, joined by dots.
func Sign(key Key, c Claims) string {
	w := wireClaims{Exp: c.Expires.Unix(), Sub: c.Subject, Dataset: c.Dataset, Run: c.Run, Ops: c.Ops}
	if !c.NotBefore.IsZero() {
		w.Nbf = c.NotBefore.Unix()
	}
	// Only strings and numbers: Marshal cannot fail.
	payload, _ := json.Marshal(w)
	signed := tokenVersion + "." + base64.RawURLEncoding.EncodeToString(payload)
	return signed + "." + base64.RawURLEncoding.EncodeToString(key.mac(signed))
}

// Verify checks signature, version and times of a token and gives its claims.
// The errors are the ErrToken… values. It does not look at operations or scope:
// ask the claims.
func Verify(key Key, token string, now time.Time) (Claims, error) {
	if len(token) > maxToken {
		return Claims{}, ErrTokenMalformed
	}
	version, rest, ok := strings.Cut(token, ".")
	payload64, mac64, ok2 := strings.Cut(rest, ".")
	if !ok || !ok2 || version != tokenVersion {
		return Claims{}, ErrTokenMalformed
	}
	strict := base64.RawURLEncoding.Strict()
	mac, err := strict.DecodeString(mac64)
	if err != nil {
		return Claims{}, ErrTokenMalformed
	}
	if !key.ok() || !hmac.Equal(mac, key.mac(version+"."+payload64)) {
		return Claims{}, ErrTokenForged
	}
	payload, err := strict.DecodeString(payload64)
	if err != nil {
		return Claims{}, ErrTokenMalformed
	}
	dec := json.NewDecoder(bytes.NewReader(payload))
	dec.DisallowUnknownFields()
	var w wireClaims
	if err := dec.Decode(&w); err != nil {
		return Claims{}, fmt.Errorf("%w: %w", ErrTokenMalformed, err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Claims{}, ErrTokenMalformed
	}
	c := Claims{Subject: w.Sub, Dataset: w.Dataset, Run: w.Run, Ops: w.Ops, Expires: time.Unix(w.Exp, 0).UTC()}
	if w.Nbf != 0 {
		c.NotBefore = time.Unix(w.Nbf, 0).UTC()
	}
	switch {
	case !now.Before(c.Expires):
		return Claims{}, ErrTokenExpired
	case now.Before(c.NotBefore):
		return Claims{}, ErrTokenEarly
	case c.Expires.Sub(now) > MaxTokenLife:
		return Claims{}, ErrTokenLife
	}
	return c, nil
}

func (k Key) mac(signed string) []byte {
	m := hmac.New(sha256.New, k.secret)
	m.Write([]byte(signed))
	return m.Sum(nil)
}
