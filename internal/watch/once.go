package watch

import (
	"fmt"
	"strings"
	"time"

	"planb/internal/catalog"
)

// schedulesPatience is longer than the reconciler takes to look again: what it
// could mend at once is not told.
const schedulesPatience = 15 * time.Minute

// Schedules tells of schedules that differ from the catalog: so many were found,
// or they could not be made to agree for a reason. It gives nothing where all is
// well.
func Schedules(differ int, failed error, now time.Time) []catalog.FleetFinding {
	if differ == 0 && failed == nil {
		return nil
	}
	cause := fmt.Sprintf("%d were found and made to agree, and it was not the first time: something else changes them.", differ)
	if failed != nil {
		cause = "They could not be made to agree: " + failed.Error() + "."
	}
	return []catalog.FleetFinding{{
		About: catalog.AboutSchedules, Subject: "schedules", Patience: schedulesPatience,
		Finding: catalog.Finding{
			Kind: catalog.NoticeSchedules, Severity: catalog.SeverityError, Title: "schedules differ from the catalog", Cause: cause,
			Remedy: "see which with `planb schedule check`, and make them agree with `planb schedule sync`", Since: now,
		},
	}}
}

// billingPatience lets a day's end and a restart go by.
const billingPatience = time.Hour

// Billing tells of days that are over and were not billed as a whole.
func Billing(days []string, now time.Time) []catalog.FleetFinding {
	if len(days) == 0 {
		return nil
	}
	return []catalog.FleetFinding{{
		About: catalog.AboutBilling, Subject: "billing", Patience: billingPatience,
		Finding: catalog.Finding{
			Kind: catalog.NoticeBilling, Severity: catalog.SeverityWarning, Title: "days are not billed",
			Cause:  "Usage was not sampled, or not posted to every receiver, for " + strings.Join(days, ", ") + ".",
			Remedy: "see why with `planb billing list`, then try a day again: `planb billing run --date " + days[len(days)-1] + "`", Since: now,
		},
	}}
}
