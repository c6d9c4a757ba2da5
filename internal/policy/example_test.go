package policy_test

import (
	"fmt"
	"strings"
	"time"

	"planb/internal/policy"
)

func ExamplePlan() {
	keep, _ := policy.ParseRetention("2d,1m")
	decisions := policy.Plan([]policy.Snapshot{
		{Name: "daily-202611230130", State: policy.StateOK},
		{Name: "daily-202611220130", State: policy.StateWarning},
		{Name: "daily-202611210130", State: policy.StateOK},
		{Name: "daily-202611200130", State: policy.StateOK, Held: true, HoldReason: "audit 2026"},
	}, keep, policy.PlanOptions{
		Now:      time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC),
		Location: time.UTC,
	})
	for _, d := range decisions {
		fmt.Println(d.Action(), d.Snapshot.Name, "because:", strings.Join(d.Reasons, ", "))
	}
	// Output:
	// keep daily-202611230130 because: newest good, daily 1 of 2, monthly 1 of 1
	// keep daily-202611220130 because: daily 2 of 2
	// remove daily-202611210130 because: not needed for 2d,1m
	// keep daily-202611200130 because: held: audit 2026
}

func ExampleResolve() {
	system := policy.Settings{Timezone: new("Europe/Amsterdam")}
	host := policy.Settings{Every: new(12 * policy.Hour)}
	e := policy.Resolve(system, policy.Settings{}, host)
	for _, f := range e.Fields()[:4] {
		fmt.Printf("%s = %s (%s)\n", f.Name, f, f.From)
	}
	// Output:
	// every = 12h (host)
	// window =  (default)
	// timezone = Europe/Amsterdam (system)
	// keep = 16d,4w,12m,2y (default)
}
