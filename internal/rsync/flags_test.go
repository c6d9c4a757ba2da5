package rsync_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"planb/internal/rsync"
)

func TestCheckFlagsAllows(t *testing.T) {
	t.Parallel()
	args, err := rsync.CheckFlags([]string{"-x", "--one-file-system", "-z", "--compress-choice=zstd", "--iconv=UTF-8,ISO-8859-1", "--max-size=10G", "--no-acls", "--timeout=600"})
	require.NoError(t, err)
	require.Equal(t, []string{"--one-file-system", "--compress", "--compress-choice=zstd", "--iconv=UTF-8,ISO-8859-1", "--max-size=10G", "--no-acls", "--timeout=600"}, args)
	require.Contains(t, rsync.AllowedFlags(), "--one-file-system")
}

func TestCheckFlagsRefuses(t *testing.T) {
	t.Parallel()
	for flag, want := range map[string]string{
		"-e":                      "is not allowed: it runs a command",
		"-esh -c id":              "is not allowed: it runs a command",
		"-e=id":                   "is not allowed: it runs a command",
		"--rsh=id":                "is not allowed: it runs a command",
		"--rsync-path=id;rsync":   "is not allowed: it runs a command",
		"--remove-source-files":   "is not allowed: it deletes files of the host",
		"--log-file=/etc/passwd":  "is not allowed: it writes a file",
		"--write-batch=x":         "is not allowed: it writes a file",
		"--write-devices":         "is not allowed: it writes to devices",
		"--copy-devices":          "is not allowed: it reads whole devices",
		"--temp-dir=/tmp":         "is not allowed: it writes outside",
		"-T/tmp":                  "is not allowed: it writes outside",
		"--backup-dir=/tmp":       "is not allowed: it writes outside",
		"--daemon":                "is not allowed: PlanB starts rsync",
		"--config=/x":             "is not allowed: it names a file",
		"--files-from=/x":         "is not allowed: the includes are",
		"-M--log-file=/x":         "is not allowed: it passes options",
		"--remote-option=x":       "is not allowed: it passes options",
		"--sparse":                "is not allowed: written in place",
		"-S":                      "is not allowed: written in place",
		"--chmod=a+r":             "is not allowed: it stores false modes",
		"--exclude=x":             "is not allowed: the excludes are",
		"--bwlimit=1":             "is not allowed: the bandwidth is",
		"--no-such-flag":          "is not on the list",
		"-zx":                     "is not on the list",
		"":                        "is not on the list",
		"/etc":                    "is not on the list",
		"--":                      "is not on the list",
		"--rs=id":                 "is not on the list",
		"--compress=yes":          "takes no value",
		"--iconv":                 "needs a value",
		"--iconv=.":               "does not take",
		"--iconv=UTF-8,x;id":      "does not take",
		"--max-size=1 --rsh=id":   "does not take",
		"--max-size=10X":          "does not take",
		"--timeout=-1":            "does not take",
		"--protocol=20":           "does not take",
		"--compress-choice=x y":   "does not take",
		"--skip-compress=gz/$(x)": "does not take",
	} {
		_, err := rsync.CheckFlags([]string{flag})
		require.ErrorContains(t, err, want, flag)
	}
}

func TestCheckVersion(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"3.1.0", "3.2.7", "3.5.0", "4.0", "3.4.0pre1", "3.10.1"} {
		require.NoError(t, rsync.CheckVersion("acme/web1", good), good)
	}
	for bad, want := range map[string]string{"": "has no rsync", "openrsync": "has openrsync", "3.0.9": "has rsync 3.0.9: install 3.1.0 or newer", "2.6.9": "2.6.9"} {
		require.ErrorContains(t, rsync.CheckVersion("acme/web1", bad), want)
	}
}
