package access

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPasswordIsVerified(t *testing.T) {
	t.Parallel()
	p := NewPasswords()
	hash, err := p.Hash(t.Context(), "correct horse battery")
	require.NoError(t, err)
	require.True(t, strings.HasPrefix(hash, "$argon2id$v=19$m=47104,t=1,p=1$"), hash)
	other, err := p.Hash(t.Context(), "correct horse battery")
	require.NoError(t, err)
	require.NotEqual(t, hash, other, "each has a salt of its own")

	ok, stale, err := p.Verify(t.Context(), hash, "correct horse battery")
	require.NoError(t, err)
	require.True(t, ok)
	require.False(t, stale)
	for _, wrong := range []string{"", "correct horse", "correct horse battery ", strings.Repeat("x", 1<<20)} {
		ok, _, err = p.Verify(t.Context(), hash, wrong)
		require.NoError(t, err)
		require.False(t, ok)
	}
}

// The reference vector of the argon2 program: argon2id, v=19, m=65536, t=2, p=1.
func TestHashOfAnotherProgram(t *testing.T) {
	t.Parallel()
	const hash = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	ok, stale, err := NewPasswords().Verify(t.Context(), hash, "password")
	require.NoError(t, err)
	require.True(t, ok)
	require.True(t, stale, "its cost is not that of today")
}

func TestUnknownUserIsNeverRight(t *testing.T) {
	t.Parallel()
	p := NewPasswords()
	for _, password := range []string{"", "correct horse battery"} {
		ok, _, err := p.Verify(t.Context(), "", password)
		require.NoError(t, err)
		require.False(t, ok)
	}
	// Not even with the password that the hash of nobody might be made of.
	ok, _, err := p.Verify(t.Context(), p.nobody, "")
	require.NoError(t, err)
	require.False(t, ok)
}

func TestHashesThatCannotBe(t *testing.T) {
	t.Parallel()
	p := NewPasswords()
	for _, hash := range []string{
		"x", "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=16$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=65536,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$", "$argon2id$v=19$m=65536,t=2,p=1$$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
	} {
		ok, _, err := p.Verify(t.Context(), hash, "password")
		require.ErrorContains(t, err, "planb user passwd", hash)
		require.False(t, ok)
	}
}

func TestNoMoreThanAFewAtOnce(t *testing.T) {
	t.Parallel()
	p := NewPasswords()
	for range atOnce {
		p.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	var refused atomic.Int32
	for range 20 {
		waiting.Go(func() {
			if _, err := p.Hash(ctx, "correct horse battery"); err != nil {
				refused.Add(1)
			}
		})
	}
	cancel()
	waiting.Wait()
	require.EqualValues(t, 20, refused.Load(), "with all slots taken, who goes away has cost nothing")
}

func TestPasswordsThatAreRefused(t *testing.T) {
	t.Parallel()
	require.NoError(t, CheckPassword("alice", "äöüäöüäöüä"))
	for _, bad := range []string{"", "short", "äöüäöüäöü", "CHOOSE-ONE", "Alice@Example", strings.Repeat("x", MaxPassword+1)} {
		require.Error(t, CheckPassword("alice@example", bad), "%.20q", bad)
	}
}

func FuzzDecodeHash(f *testing.F) {
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Fuzz(func(t *testing.T, hash string) {
		c, salt, key, err := decode(hash)
		if err != nil {
			return
		}
		again, s, k, err := decode(encode(c, salt, key))
		if err != nil || again != c || string(s) != string(salt) || string(k) != string(key) {
			t.Fatalf("%q is read as something else when it is written again", hash)
		}
	})
}

func TestSecrets(t *testing.T) {
	t.Parallel()
	a, b := NewSecret(), NewSecret()
	require.NotEqual(t, a, b)
	require.Len(t, a, 43) // 256 bits in base64
	require.Len(t, HashSecret(a), 32)
	require.True(t, IsToken(NewToken()))
	require.False(t, IsToken(a))
}
