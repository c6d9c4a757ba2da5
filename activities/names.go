// Package activities holds what the workflows do to the world: one file per
// step, named after the step. Activities of Control touch the catalog, those
// of Storage and Pull the datasets of one storage server.
package activities

// ControlQueue is polled by `planb control`: all workflow code, and the
// activities that touch PostgreSQL.
const ControlQueue = "planb"

// NoticesQueue is polled by the same, for the activities that talk to mail servers
// and the like.
const NoticesQueue = "planb-notices"

// StorageQueue is polled by the worker of one storage server, for its datasets.
func StorageQueue(server string) string { return "storage-" + server }

// PullQueue is polled by the same worker, with as many slots as the server
// bears transfers at once.
func PullQueue(server string) string { return "pull-" + server }

// Names of the activities, as recorded in histories: they never change.
const (
	LoadName             = "Load"
	PreCheckName         = "PreCheck"
	PinHostKeysName      = "PinHostKeys"
	PrepareName          = "Prepare"
	PullName             = "Pull"
	SnapshotName         = "Snapshot"
	SnapshotTakenName    = "SnapshotTaken"
	PruneName            = "Prune"
	MeasureName          = "Measure"
	IndexName            = "Index"
	RecordName           = "Record"
	RecordWaitingName    = "RecordWaiting"
	RecordMeasuredName   = "RecordMeasured"
	RecordSkipName       = "RecordSkip"
	RegisterStoragesName = "RegisterStorages"
	LoadRestoreName      = "LoadRestore"
	RestoreName          = "Restore"
	GuardsName           = "Guards"
	PlanPruneName        = "PlanPrune"
	DecideName           = "Decide"
	ChangeSnapshotName   = "ChangeSnapshot"
	LoadDatasetName      = "LoadDataset"
	NoteName             = "Note"
	ClaimHostName        = "ClaimHost"
	ReleaseHostName      = "ReleaseHost"
	MoveDatasetName      = "MoveDataset"
	RenameHostName       = "RenameHost"
	RemoveHostName       = "RemoveHost"
	SyncSchedulesName    = "SyncSchedules"
	MarkRemovedName      = "MarkRemoved"
	KeepRemovedName      = "KeepRemoved"
	DestroyRemovedName   = "DestroyRemoved"
	ListDatasetsName     = "ListDatasets"
	LoadProbeName        = "LoadProbe"
	ProbeName            = "Probe"
	LoadVerifyName       = "LoadVerify"
	VerifyName           = "Verify"
	RecordEvidenceName   = "RecordEvidence"
	DueVerificationsName = "DueVerifications"
	PlanNoticeName       = "PlanNotice"
	TellName             = "Tell"
	FinishNoticeName     = "FinishNotice"

	DueBillingName   = "DueBilling"
	LoadBillingName  = "LoadBilling"
	UsageHostsName   = "UsageHosts"
	UsageName        = "Usage"
	RecordUsageName  = "RecordUsage"
	EndSamplingName  = "EndSampling"
	PostUsageName    = "PostUsage"
	CountBillingName = "CountBilling"

	DueReportsName    = "DueReports"
	PrepareReportName = "PrepareReport"
	MailReportName    = "MailReport"
	FinishReportName  = "FinishReport"

	WatchHostsName     = "WatchHosts"
	WatchedServersName = "WatchedServers"
	LookStoragesName   = "LookStorages"
	SettleServersName  = "SettleServers"
)
