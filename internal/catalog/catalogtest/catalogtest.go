// Package catalogtest gives tests a catalog of their own on a real PostgreSQL.
package catalogtest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"planb/internal/catalog"
)

// EnvURL names a PostgreSQL database for tests, in which schemas are made and
// dropped. Without it each test process starts a private cluster.
const EnvURL = "PLANB_TEST_DATABASE_URL"

// Store gives a migrated catalog in a schema of its own, so that tests run in
// parallel. It is gone when the test ends.
func Store(t testing.TB) *catalog.Store {
	t.Helper()
	u := URL(t)
	_, _, err := catalog.Migrate(t.Context(), u)
	require.NoError(t, err)
	s, err := catalog.Open(t.Context(), u)
	require.NoError(t, err)
	t.Cleanup(s.Close)
	return s
}

// URL gives the address of an empty schema, for tests that migrate themselves
// or start programs on it. It is gone when the test ends.
func URL(t testing.TB) string {
	t.Helper()
	base := os.Getenv(EnvURL)
	if base == "" {
		base = privateCluster(t)
	}
	schema := "t_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	execute(t, base, "create schema "+schema)
	t.Cleanup(func() { execute(t, base, "drop schema "+schema+" cascade") })
	u, err := url.Parse(base)
	require.NoError(t, err, "%s must be a URL: postgres://…", EnvURL)
	q := u.Query()
	q.Set("search_path", schema)
	u.RawQuery = q.Encode()
	return u.String()
}

func execute(t testing.TB, url, sql string) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context()) // also runs when the test has ended
	conn, err := pgx.Connect(ctx, url)
	require.NoError(t, err)
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, sql)
	require.NoError(t, err, fmt.Sprintf("running %q", sql))
}
