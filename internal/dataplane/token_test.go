package dataplane

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var tokenNow = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func TestTokenSaysWhatWasSigned(t *testing.T) {
	t.Parallel()
	key := testKey(t)
	for _, c := range []Claims{
		{Subject: "user:ann", Dataset: testDataset, Ops: []Op{OpList, OpRead}, Expires: tokenNow.Add(time.Minute)},
		{Run: testRun, Ops: []Op{OpLog}, Expires: tokenNow.Add(MaxTokenLife), NotBefore: tokenNow},
		{Subject: "ünïcode \x00 \"quoted\"", Expires: tokenNow.Add(time.Second)},
	} {
		got, err := Verify(key, Sign(key, c), tokenNow)
		require.NoError(t, err)
		require.Equal(t, c, got)
	}
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	key := testKey(t)
	other, err := NewKey([]byte(strings.Repeat("x", MinKey)))
	require.NoError(t, err)
	good := Claims{Dataset: testDataset, Ops: []Op{OpRead}, Expires: tokenNow.Add(time.Minute)}
	signed := func(payload string) string {
		s := tokenVersion + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
		return s + "." + base64.RawURLEncoding.EncodeToString(key.mac(s))
	}
	with := func(change func(*Claims)) string {
		c := good
		change(&c)
		return Sign(key, c)
	}
	parts := strings.Split(Sign(key, good), ".")
	for name, tc := range map[string]struct {
		token string
		want  error
	}{
		"empty":            {"", ErrTokenMalformed},
		"no dots":          {"planb1", ErrTokenMalformed},
		"other version":    {"planb2." + parts[1] + "." + parts[2], ErrTokenMalformed},
		"no signature":     {parts[0] + "." + parts[1] + ".", ErrTokenForged},
		"fourth part":      {Sign(key, good) + ".x", ErrTokenMalformed},
		"other key":        {Sign(other, good), ErrTokenForged},
		"zero key":         {Sign(Key{}, good), ErrTokenForged},
		"short signature":  {parts[0] + "." + parts[1] + "." + parts[2][:20], ErrTokenForged},
		"padded signature": {Sign(key, good) + "=", ErrTokenMalformed},
		"too long":         {strings.Repeat("a", maxToken+1), ErrTokenMalformed},
		"expired":          {with(func(c *Claims) { c.Expires = tokenNow }), ErrTokenExpired},
		"without an end":   {with(func(c *Claims) { c.Expires = time.Time{} }), ErrTokenExpired},
		"not yet":          {with(func(c *Claims) { c.NotBefore = tokenNow.Add(time.Second) }), ErrTokenEarly},
		"for a day":        {with(func(c *Claims) { c.Expires = tokenNow.Add(24 * time.Hour) }), ErrTokenLife},
		"unknown claim":    {signed(`{"exp":1795000000,"ops":[],"admin":true}`), ErrTokenMalformed},
		"not JSON":         {signed(`exp=1`), ErrTokenMalformed},
		"two values":       {signed(fmt.Sprintf(`{"exp":%d,"ops":[]} {}`, good.Expires.Unix())), ErrTokenMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Verify(key, tc.token, tokenNow)
			require.ErrorIs(t, err, tc.want)
		})
	}
	_, err = Verify(Key{}, Sign(Key{}, good), tokenNow)
	require.ErrorIs(t, err, ErrTokenForged, "a server without a key trusts nobody")
}

func TestEveryChangedCharacterBreaksAToken(t *testing.T) {
	t.Parallel()
	key := testKey(t)
	token := Sign(key, Claims{Dataset: testDataset, Ops: []Op{OpRead}, Expires: tokenNow.Add(time.Minute)})
	for i := range token {
		for _, c := range []byte{'A', 'B', '.', '_'} {
			if token[i] == c {
				continue
			}
			_, err := Verify(key, token[:i]+string(c)+token[i+1:], tokenNow)
			require.Error(t, err, "byte %d as %c", i, c)
		}
	}
}

func TestClaimsCoverTheirScopeOnly(t *testing.T) {
	t.Parallel()
	c := Claims{Dataset: "tank/BACKUP/acme", Run: testRun, Ops: []Op{OpList}}
	require.True(t, c.CoversDataset("tank/BACKUP/acme"))
	require.True(t, c.CoversDataset("tank/BACKUP/acme/web1"))
	require.False(t, c.CoversDataset("tank/BACKUP/acme2"))
	require.False(t, c.CoversDataset("tank/BACKUP"))
	require.False(t, Claims{}.CoversDataset(""))
	require.False(t, Claims{}.CoversRun(""))
	require.True(t, c.Allows(OpStat))
	require.False(t, c.Allows(OpRead))
}

func TestKeyNeverShows(t *testing.T) {
	t.Parallel()
	_, err := NewKey(make([]byte, MinKey-1))
	require.ErrorContains(t, err, "31 bytes")
	key := testKey(t)
	text, err := json.Marshal(map[string]any{"key": key})
	require.NoError(t, err)
	for _, s := range []string{key.String(), fmt.Sprintf("%v %+v %#v %s", key, key, key, key), string(text)} {
		require.NotContains(t, s, "kkkk")
		require.NotContains(t, s, "107")
	}
}

func FuzzVerify(f *testing.F) {
	key := testKey(f)
	good := Sign(key, Claims{Subject: "s", Dataset: testDataset, Ops: []Op{OpRead}, Expires: tokenNow.Add(time.Minute)})
	f.Add(good)
	f.Add("planb1..")
	f.Add(good + ".")
	f.Fuzz(func(t *testing.T, token string) {
		if _, err := Verify(key, token, tokenNow); err == nil && token != good {
			t.Fatalf("took %q for a signed token", token)
		}
	})
}
