package policy_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"planb/internal/policy"
)

var update = flag.Bool("update", false, "write the golden files of the plans")

// TestPlanGolden plans the cases of testdata/plan. Above the line of dashes a
// case says what there is, below it what the plan must be.
func TestPlanGolden(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/plan/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			input, want, _ := strings.Cut(string(text), "----\n")
			c := parseCase(t, input)
			decisions := policy.Plan(c.snapshots, c.keep, c.options)
			got := render(decisions)
			if *update {
				require.NoError(t, os.WriteFile(file, []byte(input+"----\n"+got), 0o644))
				return
			}
			require.Equal(t, want, got)
			checkGuarantees(t, c, decisions)
		})
	}
}

type planCase struct {
	snapshots []policy.Snapshot
	keep      policy.Retention
	options   policy.PlanOptions
}

// parseCase reads lines such as
//
//	keep 16d,4w
//	now 2026-11-23T02:00:00Z
//	snap daily-202611230130 ok held audit 2026
//	series daily 2026-01-01T01:30:00Z 24h 300
//
// where a series names its snapshots as PlanB would.
func parseCase(t testing.TB, input string) planCase {
	t.Helper()
	c := planCase{options: policy.PlanOptions{Location: time.UTC, FloorCount: 1}}
	for line := range strings.Lines(input) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] == "#" {
			continue
		}
		var err error
		switch fields[0] {
		case "keep":
			c.keep, err = policy.ParseRetention(fields[1])
		case "now":
			c.options.Now, err = time.Parse(time.RFC3339, fields[1])
		case "zone":
			c.options.Location, err = time.LoadLocation(fields[1])
		case "floor":
			_, err = fmt.Sscan(fields[1], &c.options.FloorCount)
		case "floor-age":
			c.options.FloorAge, err = policy.ParseInterval(fields[1])
		case "snap":
			s := policy.Snapshot{Name: fields[1]}
			if len(fields) > 2 && fields[2] != "-" {
				s.State = fields[2]
			}
			if len(fields) > 3 {
				s.Held, s.HoldReason = true, strings.Join(fields[4:], " ")
			}
			c.snapshots = append(c.snapshots, s)
		case "series":
			var from time.Time
			var step time.Duration
			var n int
			from, err = time.Parse(time.RFC3339, fields[1])
			require.NoError(t, err, line)
			step, err = time.ParseDuration(fields[2])
			require.NoError(t, err, line)
			_, err = fmt.Sscan(fields[3], &n)
			for i := range n {
				c.add(from.Add(time.Duration(i)*step), policy.StateOK)
			}
		default:
			t.Fatalf("unknown line %q", line)
		}
		require.NoError(t, err, line)
	}
	return c
}

// add takes a snapshot the way a run does.
func (c *planCase) add(at time.Time, state string) {
	c.snapshots = append(c.snapshots, policy.Snapshot{Name: c.name(at, ""), State: state, Created: at})
}

func (c *planCase) name(at time.Time, label string) string {
	previous, _ := policy.NewestGood(c.snapshots, at)
	existing := make([]string, len(c.snapshots))
	for i, s := range c.snapshots {
		existing[i] = s.Name
	}
	var since time.Time
	if previous.Name != "" {
		since = previous.Time()
	}
	name, _ := policy.NameSnapshot(policy.NewSnapshot{
		At: at, PreviousGood: since, Location: c.options.Location, Label: label, Existing: existing,
	})
	return name.String()
}

func render(decisions []policy.Decision) string {
	var b strings.Builder
	for _, d := range decisions {
		fmt.Fprintf(&b, "%-6s %-28s %s\n", d.Action(), d.Snapshot.Name, strings.Join(d.Reasons, "; "))
	}
	return b.String()
}
