package doctor

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/config"
)

// TestRulesOfSudo asks a sudo that refuses two commands.
func TestRulesOfSudo(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\n[ \"$1 $2\" = '-n -l' ] || exit 9\ncase \"$*\" in *'zfs destroy '*|*'zpool status '*) exit 1;; esac\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "sudo"), []byte(script), 0o700))
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	d := &Doctor{Config: &config.Config{Storages: []config.Storage{{Dataset: "tank/BACKUP"}}}}
	require.Equal(t, []string{"zfs destroy", "zpool status"}, d.notAllowed(t.Context()))
}
