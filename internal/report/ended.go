package report

import (
	"fmt"
	"strings"

	"planb/internal/policy"
)

// backups counts those of the last day.
func (w digest) backups() Section {
	s := Section{Title: "Backups that began in the last 24 hours"}
	var parts []string
	for _, state := range []string{policy.StateFailed, policy.StatePartial, policy.StateCancelled, policy.StateSkipped, policy.StateWarning, policy.StateOK} {
		if n := w.Ended[state]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, state))
		}
	}
	s.Lead = []string{"None has ended."}
	if len(parts) > 0 {
		s.Lead = []string{"Ended: " + strings.Join(parts, ", ") + "."}
	}
	return s
}
