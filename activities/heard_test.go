package activities

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
)

// How long Temporal was away is told once, when it is back.
func TestOutagesAreTold(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 23, 1, 30, 0, 0, time.UTC)
	s := &server{}
	var log strings.Builder
	o := &outages{heartbeater: s, log: &log, now: func() time.Time { return at }}
	beat := func() { _ = o.RecordActivityHeartbeat(context.Background(), nil) }
	beat()
	s.set(serviceerror.NewUnavailable("away"))
	beat()
	at = at.Add(31 * time.Second)
	beat()
	require.Empty(t, log.String())
	s.set(nil)
	beat()
	beat()
	require.Equal(t, "2026-11-23T01:30:31Z Temporal did not answer for 31s; the transfer was not touched\n", log.String())
}
