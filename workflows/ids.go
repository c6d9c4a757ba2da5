// Package workflows is the deterministic half of PlanB: what happens in which
// order, and what then. One file per workflow; read backup.go first.
package workflows

import (
	"fmt"
	"strings"

	"go.temporal.io/sdk/temporal"

	"planb/internal/catalog"
	"planb/internal/ident"
)

// Names of the workflows, as recorded in histories: they never change.
const (
	BackupHostName           = "BackupHost"
	StartScheduledBackupName = "StartScheduledBackup"
	RestoreHostName          = "RestoreHost"
	RegisterStorageName      = "RegisterStorage"
	PruneHostName            = "PruneHost"
	DecideHostName           = "DecideHost"
	ChangeSnapshotName       = "ChangeSnapshot"
	RenameHostName           = "RenameHost"
	DeleteHostName           = "DeleteHost"
	ExpireDataName           = "ExpireData"
	ProbeHostName            = "ProbeHost"
	ListDatasetsName         = "ListDatasets"
	VerifyHostName           = "VerifyHost"
	VerifyDueName            = "VerifyDue"
	MeasureHostName          = "MeasureHost"
	DeliverNoticeName        = "DeliverNotice"
	DailyBillingName         = "DailyBilling"
	BillingDueName           = "BillingDue"
	DailyDigestName          = "DailyDigest"
	MonthlyReportName        = "MonthlyReport"
	ReportsDueName           = "ReportsDue"
	WatchFleetName           = "WatchFleet"
)

// BackupID is the workflow id of a host's backup. It is the same for every
// run, so that the server itself allows one at a time.
func BackupID(h ident.Host) string { return "backup/" + h.String() }

// RestoreID is the workflow id of the n-th restore of a host.
func RestoreID(h ident.Host, n int64) string { return fmt.Sprintf("restore/%s/%d", h, n) }

// VerifyID is the workflow id of a host's verification; there is one at a time.
func VerifyID(h ident.Host) string { return "verify/" + h.String() }

// VerifyScheduleID is the id of the Temporal Schedule that verifies hosts in
// turn, and VerifyDueID begins those of the workflows that it starts.
const (
	VerifyScheduleID = "verify"
	VerifyDueID      = "verify-due"
)

// BillingID is the workflow id of the billing of a day; there is one at a time.
func BillingID(day string) string { return "billing/" + day }

// BillingScheduleID is the id of the Temporal Schedule that bills each day, and
// BillingDueID begins those of the workflows that it starts.
const (
	BillingScheduleID = "billing"
	BillingDueID      = "billing-due"
)

// ReportID is the workflow id of the mailing of a report; there is one at a time.
func ReportID(of catalog.ReportOf) string {
	if of.Kind == catalog.ReportDigest {
		return "digest/" + of.Period
	}
	return "report/" + of.Period + "/" + string(of.Group)
}

// ReportName is the name of the workflow that mails a report.
func ReportName(of catalog.ReportOf) string {
	if of.Kind == catalog.ReportDigest {
		return DailyDigestName
	}
	return MonthlyReportName
}

// ReportsScheduleID is the id of the Temporal Schedule that mails reports, and
// ReportsDueID begins those of the workflows that it starts.
const (
	ReportsScheduleID = "reports"
	ReportsDueID      = "reports-due"
)

// WatchScheduleID is the id of the Temporal Schedule that watches hosts, workers
// and storages, and WatchFleetID begins those of the workflows that it starts.
const (
	WatchScheduleID = "watch"
	WatchFleetID    = "watch-fleet"
)

// NoticeID is the workflow id of the delivery of a notice, by its key.
func NoticeID(key string) string { return "notice/" + key }

// PruneID is the workflow id of the n-th pruning of a host by hand.
func PruneID(h ident.Host, n int64) string { return fmt.Sprintf("prune/%s/%d", h, n) }

// DecideID is the workflow id of a decision about a host; there is one at a
// time.
func DecideID(h ident.Host) string { return "decide/" + h.String() }

// SnapshotID is the workflow id of the n-th change of a host's snapshots.
func SnapshotID(h ident.Host, n int64) string { return fmt.Sprintf("snapshot/%s/%d", h, n) }

// ScheduleID is the id of the Temporal Schedule of a host.
func ScheduleID(h ident.Host) string { return "schedule/" + h.String() }

// RegisterID is the workflow id of a storage server's registration.
func RegisterID(server string) string { return "register/" + server }

// RenameID is the workflow id of a host's change of name.
func RenameID(h ident.Host) string { return "rename/" + h.String() }

// DeleteID is the workflow id of the n-th removal of a host.
func DeleteID(h ident.Host, n int64) string { return fmt.Sprintf("delete/%s/%d", h, n) }

// ExpireID is the workflow id of the wait for the end of a removed host's data;
// host is its name, and id what the catalog knew it by.
func ExpireID(host, id string) string { return "expire/" + host + "/" + id }

// ProbeID is the workflow id of a look at a host.
func ProbeID(h ident.Host) string { return "probe/" + h.String() }

// ListDatasetsID is the workflow id of the n-th list of a server's datasets.
func ListDatasetsID(server string, n int64) string { return fmt.Sprintf("datasets/%s/%d", server, n) }

// MeasureID is the workflow id of a look at what the pool holds for a host.
func MeasureID(h ident.Host) string { return "measure/" + h.String() }

// IsOf says whether a workflow id is that of a run for h.
func IsOf(id string, h ident.Host) bool {
	kind, rest, _ := strings.Cut(id, "/")
	switch kind {
	case "backup", "restore", "verify", "prune", "decide", "snapshot", "rename", "delete", "probe":
		return rest == h.String() || strings.HasPrefix(rest, h.String()+"/")
	}
	return false
}

// SignalNow ends the wait of a backup that its pre-check has put off.
const SignalNow = "now"

// Search attributes of every run; all are of type Keyword.
var (
	AttributeHost  = temporal.NewSearchAttributeKeyKeyword("PlanbHost")
	AttributeGroup = temporal.NewSearchAttributeKeyKeyword("PlanbGroup")
	AttributeState = temporal.NewSearchAttributeKeyKeyword("PlanbState")
)

// HostAttributes gives the search attributes of what is no run on record.
func HostAttributes(h ident.Host) temporal.SearchAttributes {
	return temporal.NewSearchAttributes(AttributeHost.ValueSet(h.String()), AttributeGroup.ValueSet(h.Group))
}

// Attributes gives the search attributes that a run of h starts with.
func Attributes(h ident.Host, state string) temporal.SearchAttributes {
	return temporal.NewSearchAttributes(
		AttributeHost.ValueSet(h.String()),
		AttributeGroup.ValueSet(h.Group),
		AttributeState.ValueSet(state),
	)
}
