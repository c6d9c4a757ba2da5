package schema_test

import (
	"io/fs"
	"testing"

	"github.com/jackc/tern/v2/migrate"
	"github.com/stretchr/testify/require"

	"planb/schema"
)

func TestEveryNumberIsAStepThatCanBeRead(t *testing.T) {
	t.Parallel()
	all := schema.Migrations()
	names, err := migrate.FindMigrations(all)
	require.NoError(t, err)
	require.NotEmpty(t, names)
	for _, name := range names {
		text, err := fs.ReadFile(all, name)
		require.NoError(t, err, name)
		require.NotEmpty(t, text, name)
	}
}
