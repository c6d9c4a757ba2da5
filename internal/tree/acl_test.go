package tree

import (
	"encoding/hex"
	"testing"

	"github.com/stretchr/testify/require"
)

// The values are those that setfacl and rsync 3.5.0 --fake-super left.
func TestACLsAsText(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		attr, value string
		mode        uint32
		isDefault   bool
		text        string
	}{
		"kernel": {
			attrACL, "0200000001000600ffffffff02000400e803000004000400ffffffff080007002100000010000700ffffffff20000400ffffffff", 0o674,
			false, "user::rw-,user:1000:r--,group::r--,group:33:rwx,mask::rwx,other::r--",
		},
		"kernel default": {
			attrDefaultACL, "0200000001000700ffffffff020007000700000004000500ffffffff10000700ffffffff20000500ffffffff", 0o755,
			true, "user::rwx,user:7:rwx,group::r-x,mask::rwx,other::r-x",
		},
		"rsync": {
			attrFakeACL, "80000000040000000700000080000000e8030000040000802100000007000000", 0o674,
			false, "user::rw-,user:1000:r--,group::r--,group:33:rwx,mask::rwx,other::r--",
		},
		"rsync, group as in the mode": {
			attrFakeACL, "800000008000000005000000800000000500000001000000", 0o755,
			false, "user::rwx,group::r-x,group:5:--x,mask::r-x,other::r-x",
		},
		"rsync, mask of another file": {
			attrFakeACL, "80000000050000000700000080000000393000000400008001286bee06000000", 0o640,
			false, "user::rw-,user:12345:r--,group::r-x,group:4000000001:rw-,mask::r--,other::---",
		},
		"rsync default": {
			attrFakeDefaultACL, "070000000500000007000000050000000700000007000080", 0o700,
			true, "user::rwx,user:7:rwx,group::r-x,mask::rwx,other::r-x",
		},
	} {
		value, err := hex.DecodeString(tc.value)
		require.NoError(t, err)
		isDefault, text, ok := aclOf(tc.attr, value, tc.mode)
		require.True(t, ok, name)
		require.Equal(t, tc.isDefault, isDefault, name)
		require.Equal(t, tc.text, text, name)
		_, _, ok = aclOf(tc.attr, value[:len(value)-1], tc.mode)
		require.False(t, ok, "%s, cut short", name)
	}
	_, _, ok := aclOf("user.colour", []byte("blue"), 0)
	require.False(t, ok)
}

func FuzzACL(f *testing.F) {
	f.Add([]byte{2, 0, 0, 0}, uint32(0o755))
	f.Add(make([]byte, 24), uint32(0o644))
	f.Fuzz(func(_ *testing.T, value []byte, mode uint32) {
		for _, attr := range []string{attrACL, attrDefaultACL, attrFakeACL, attrFakeDefaultACL} {
			aclOf(attr, value, mode)
		}
	})
}
