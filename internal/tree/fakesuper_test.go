package tree

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestParseFakeSuper(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]FakeSuper{
		"100644 0,0 0:0":               {Mode: 0o100644},
		"104755 0,0 1000:33":           {Mode: 0o104755, UID: 1000, GID: 33},
		"40555 0,0 4294967294:65534":   {Mode: 0o040555, UID: 4294967294, GID: 65534},
		"120777 0,0 0:0":               {Mode: 0o120777},
		"60660 8,1 0:6":                {Mode: 0o060660, Major: 8, Minor: 1, GID: 6},
		"20666 1,3 0:0":                {Mode: 0o020666, Major: 1, Minor: 3},
		"10644 0,0 5:5":                {Mode: 0o010644, UID: 5, GID: 5},
		"140755 0,0 5:5":               {Mode: 0o140755, UID: 5, GID: 5},
		"100600 0,4294967295 0:0":      {Mode: 0o100600, Minor: 4294967295},
		"100644 0,0 0:0\x00":           {Mode: 0o100644},
		"100644 0,0 0:0\n":             {Mode: 0o100644},
		"101777 0,0 12345678:87654321": {Mode: 0o101777, UID: 12345678, GID: 87654321},
	} {
		got, err := ParseFakeSuper(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for _, text := range []string{
		"", " ", "100644", "100644 0,0", "100644 0,0 0", "100644 0 0:0", "644 0,0 0:0", "100648 0,0 0:0",
		"100644 -1,0 0:0", "100644 0,0 -1:0", "100644 0,0 0:4294967296", "100644  0,0 0:0", "100644 0,0 0:0 ",
		"+100644 0,0 0:0", "0x100644 0,0 0:0", "100644 0,0 0:0:0", "100644 0,0,0 0:0", "1100644 0,0 0:0",
		"170644 0,0 0:0", "100644 0,0 0:0\x00x",
	} {
		_, err := ParseFakeSuper(text)
		require.ErrorIs(t, err, ErrFakeSuper, "%q", text)
	}
}

func FuzzParseFakeSuper(f *testing.F) {
	f.Add("100644 0,0 0:0")
	f.Add("60660 8,1 0:6")
	f.Fuzz(func(t *testing.T, text string) {
		a, err := ParseFakeSuper(text)
		if err != nil {
			return
		}
		b, err := ParseFakeSuper(a.String())
		if err != nil || a != b {
			t.Fatalf("%q became %q: %v", text, a, err)
		}
	})
}
