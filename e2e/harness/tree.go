package harness

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Changes gives what rsync would change to make b like a: one itemized line
// for each path that differs in content, owner, mode, time, links or existence.
func Changes(t testing.TB, a, b string) []string {
	t.Helper()
	cmd := exec.Command("rsync", "-n", "-aH", "--numeric-ids", "--checksum", "--delete",
		"--itemize-changes", "--8-bit-output", "--", a+"/", b+"/")
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	var lines []string
	for line := range strings.Lines(string(out)) {
		lines = append(lines, strings.TrimSuffix(line, "\n"))
	}
	return lines
}

// RequireSame compares two trees both ways.
func RequireSame(t testing.TB, a, b string) {
	t.Helper()
	require.Empty(t, Changes(t, a, b))
	require.Empty(t, Changes(t, b, a))
}
