package storages

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"planb/internal/catalog"
	"planb/web/ui"
	"planb/worker/operate"
)

// A worker tells how its storages are every ten minutes, and a pool is to be
// scrubbed every month; Debian's own timer does so.
const (
	silentAfter = 30 * time.Minute
	scrubEvery  = 45 * 24 * time.Hour
)

func href(s catalog.Storage) string {
	parts := strings.Split(s.Dataset, "/")
	for i, p := range parts {
		parts[i] = url.PathEscape(p)
	}
	return "/storages/" + url.PathEscape(s.Server) + "/" + strings.Join(parts, "/")
}

func hostsHref(s catalog.Storage) string {
	return "/hosts?" + url.Values{"storage": {s.Server + ":" + s.Dataset}}.Encode()
}

// percent gives how full a storage is; ok is false when that is not known.
func percent(s catalog.Storage) (n int64, ok bool) {
	if s.UsedBytes == nil || s.SizeBytes == nil || *s.SizeBytes <= 0 {
		return 0, false
	}
	return 100 * *s.UsedBytes / *s.SizeBytes, true
}

// growth tells how the storage grows, in words.
func growth(r catalog.StorageRoom) string {
	switch {
	case r.GrowthPerDay == nil:
		return "not known before some days of use"
	case *r.GrowthPerDay < 0:
		return "shrinks by " + ui.Bytes(int64(-*r.GrowthPerDay)) + " a day"
	case *r.GrowthPerDay < 1<<20:
		return "hardly grows"
	}
	return "grows by " + ui.Bytes(int64(*r.GrowthPerDay)) + " a day"
}

// fills tells when the storage will be full if it goes on like this.
func fills(r catalog.StorageRoom, now time.Time) (text string, tone ui.Tone) {
	if r.FullAt == nil {
		if r.GrowthPerDay == nil {
			return "not known yet", ui.Neutral
		}
		return "not as it goes now", ui.Good
	}
	day := r.FullAt.UTC().Format(time.DateOnly)
	left := r.FullAt.Sub(now)
	tone = ui.Good
	switch {
	case left < 30*24*time.Hour:
		tone = ui.Bad
	case left < 90*24*time.Hour:
		tone = ui.Warn
	}
	return fmt.Sprintf("%s, in %s", day, ui.Plural(max(0, int(left.Hours()/24)), "day", "days")), tone
}

// pool tells the health of the pool in zpool's word.
func pool(s catalog.Storage) (text string, tone ui.Tone, icon string) {
	switch {
	case s.Health == "":
		return "not known", ui.Neutral, "help-circle"
	case s.DataErrors != nil && *s.DataErrors > 0:
		return s.Health + ", " + ui.Plural(int(*s.DataErrors), "data error", "data errors"), ui.Bad, "circle-x"
	case s.Health == "ONLINE":
		return s.Health, ui.Good, "circle-check"
	case s.Health == "DEGRADED":
		return s.Health, ui.Warn, "alert-triangle"
	}
	return s.Health, ui.Bad, "circle-x"
}

// scrub tells of the pool's last scrub.
func scrub(s catalog.Storage, now time.Time) (text string, tone ui.Tone, icon string) {
	tone, icon = ui.Good, "circle-check"
	switch s.ScrubState {
	case "":
		return "not known", ui.Neutral, "help-circle"
	case "never":
		return "never: run `zpool scrub`", ui.Warn, "alert-triangle"
	case "running":
		text = "under way"
	case "resilver":
		text = "resilvers"
	default:
		text = string(s.ScrubState)
	}
	if s.ScrubAt != nil {
		text += ", " + ui.Since(*s.ScrubAt, now)
		if now.Sub(*s.ScrubAt) > scrubEvery {
			tone, icon = ui.Warn, "clock-exclamation"
		}
	}
	if s.ScrubErrors != nil && *s.ScrubErrors > 0 {
		return text + ", found " + ui.Plural(int(*s.ScrubErrors), "error", "errors"), ui.Bad, "circle-x"
	}
	return text, tone, icon
}

// silent says whether the worker of a storage has not been heard for too long.
func silent(s catalog.Storage, now time.Time) bool { return now.Sub(s.SeenAt) > silentAfter }

// why tells why a dataset is stale.
func why(d operate.StaleDataset) string {
	switch d.Why {
	case operate.StaleRemoved:
		return "its host was removed"
	case operate.StaleElsewhere:
		return "the files of its host go to another dataset"
	}
	return "PlanB does not know it"
}

// samples gives how full the storage was, for a line.
func samples(r catalog.StorageRoom) []float64 {
	list := make([]float64, len(r.Samples))
	for i, s := range r.Samples {
		list[i] = float64(s.Used)
	}
	return list
}
