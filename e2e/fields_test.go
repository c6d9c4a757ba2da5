package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// kind is what JSON has in a field.
type kind string

const (
	text   kind = "text"
	number kind = "number"
	truth  kind = "truth"
	stamp  kind = "time"
	texts  kind = "list of texts"
	// Those below may be null as well.
	maybeText   kind = "text or null"
	maybeNumber kind = "number or null"
	maybeStamp  kind = "time or null"
)

// The fields that scripts rely on.
var (
	runFields = map[string]kind{
		"run": text, "host": text, "kind": text, "trigger": text, "state": text,
		"started": stamp, "finished": maybeStamp, "duration_seconds": number, "snapshot": maybeText,
		"files_total": maybeNumber, "files_transferred": maybeNumber, "files_deleted": maybeNumber,
		"bytes_transferred": maybeNumber, "warnings": number, "message": maybeText,
		"workflow_id": text, "workflow_run_id": text,
	}
	hostFields = map[string]kind{
		"host": text, "group": text, "name": text, "address": text, "enabled": truth, "health": text,
		"state": maybeText, "last_good": maybeStamp, "last_run": maybeStamp, "next_run": maybeStamp,
		"used_bytes": maybeNumber, "referenced_bytes": maybeNumber, "snapshots": number,
	}
	snapshotFields = map[string]kind{
		"host": text, "snapshot": text, "created": stamp, "state": maybeText, "tiers": texts,
		"used_bytes": number, "referenced_bytes": number, "held": truth, "hold_reason": maybeText, "run": maybeText,
	}
	scheduleFields = map[string]kind{
		"host": text, "every": text, "window": maybeText, "timezone": text, "next": maybeStamp,
		"paused": truth, "pause_reason": maybeText,
	}
)

// requireFields checks that each field is there with a value of its kind, and
// that times are UTC and what is absent is null.
func requireFields(t testing.TB, r row, fields map[string]kind) {
	t.Helper()
	for name, k := range fields {
		v, there := r[name]
		require.True(t, there, "field %s is missing in %v", name, r)
		require.True(t, fits(v, k), "field %s should be a %s but is %#v", name, k, v)
	}
}

func fits(v any, k kind) bool {
	switch k {
	case maybeText:
		return v == nil || fits(v, text)
	case maybeNumber:
		return v == nil || fits(v, number)
	case maybeStamp:
		return v == nil || fits(v, stamp)
	case text:
		s, ok := v.(string)
		return ok && s != ""
	case number:
		_, ok := v.(float64)
		return ok
	case truth:
		_, ok := v.(bool)
		return ok
	case stamp:
		s, ok := v.(string)
		at, err := time.Parse(time.RFC3339, s)
		return ok && err == nil && s[len(s)-1] == 'Z' && at.Year() >= 2020
	case texts:
		list, ok := v.([]any)
		for _, e := range list {
			ok = ok && fits(e, text)
		}
		return ok
	}
	return false
}
