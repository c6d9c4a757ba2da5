// Package worker wires workflows and activities to task queues, with their
// limits and their shutdown.
package worker

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdkworker "go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"planb/activities"
	"planb/internal/config"
	"planb/workflows"
)

// Group is a set of workers that start and stop together.
type Group struct {
	workers []sdkworker.Worker
	fatal   chan error
	// before is called once, before any worker starts.
	before func()
}

// Start starts every worker of the group; those that started are stopped
// again when one cannot.
func (g *Group) Start() error {
	if g.before != nil {
		g.before()
	}
	for i, w := range g.workers {
		if err := w.Start(); err != nil {
			for _, started := range g.workers[:i] {
				started.Stop()
			}
			return err
		}
	}
	return nil
}

// Stop takes no more tasks and waits for those under way, as long as the
// configuration lets them.
func (g *Group) Stop() {
	done := make(chan struct{})
	for _, w := range g.workers {
		go func() { w.Stop(); done <- struct{}{} }()
	}
	for range g.workers {
		<-done
	}
}

// Fatal gives an error after which the process has to end.
func (g *Group) Fatal() <-chan error { return g.fatal }

func newGroup() *Group { return &Group{fatal: make(chan error, 1)} }

func (g *Group) add(c client.Client, queue string, slots int, stop time.Duration, workflows bool, around ...interceptor.WorkerInterceptor) sdkworker.Worker {
	options := sdkworker.Options{
		MaxConcurrentActivityExecutionSize: slots,
		WorkerStopTimeout:                  stop,
		DisableWorkflowWorker:              !workflows,
		DisableRegistrationAliasing:        true,
		Interceptors:                       around,
		OnFatalError: func(err error) {
			select {
			case g.fatal <- err:
			default:
			}
		},
	}
	w := sdkworker.New(c, queue, options)
	g.workers = append(g.workers, w)
	return w
}

// controlSlots is how many short activities of the catalog run at once: below
// the connections of its pool, so that none waits for one in vain.
const controlSlots = 16

// noticeSlots is how many recipients are told at once.
const noticeSlots = 8

// NewControl makes the workers of `planb control`: all workflow code, and the
// activities that touch the catalog.
func NewControl(c client.Client, cfg *config.Config, control *activities.Control) *Group {
	g := newGroup()
	w := g.add(c, activities.ControlQueue, controlSlots, cfg.Limits.Stop, true)
	registerWorkflows(w)
	for name, do := range map[string]any{
		activities.LoadName:             control.Load,
		activities.PinHostKeysName:      control.PinHostKeys,
		activities.RecordName:           control.Record,
		activities.RecordWaitingName:    control.RecordWaiting,
		activities.RecordSkipName:       control.RecordSkip,
		activities.RecordMeasuredName:   control.RecordMeasured,
		activities.RegisterStoragesName: control.RegisterStorages,
		activities.LoadRestoreName:      control.LoadRestore,
		activities.LoadDatasetName:      control.LoadDataset,
		activities.NoteName:             control.Note,
		activities.ClaimHostName:        control.ClaimHost,
		activities.ReleaseHostName:      control.ReleaseHost,
		activities.RenameHostName:       control.RenameHost,
		activities.RemoveHostName:       control.RemoveHost,
		activities.SyncSchedulesName:    control.SyncSchedules,
		activities.LoadProbeName:        control.LoadProbe,
		activities.LoadVerifyName:       control.LoadVerify,
		activities.RecordEvidenceName:   control.RecordEvidence,
		activities.DueVerificationsName: control.DueVerifications,
		activities.PlanNoticeName:       control.PlanNotice,
		activities.FinishNoticeName:     control.FinishNotice,

		activities.DueBillingName:   control.DueBilling,
		activities.LoadBillingName:  control.LoadBilling,
		activities.UsageHostsName:   control.UsageHosts,
		activities.RecordUsageName:  control.RecordUsage,
		activities.EndSamplingName:  control.EndSampling,
		activities.PostUsageName:    control.PostUsage,
		activities.CountBillingName: control.CountBilling,

		activities.DueReportsName:    control.DueReports,
		activities.PrepareReportName: control.PrepareReport,
		activities.FinishReportName:  control.FinishReport,

		activities.WatchHostsName:     control.WatchHosts,
		activities.WatchedServersName: control.WatchedServers,
		activities.SettleServersName:  control.SettleServers,
	} {
		w.RegisterActivityWithOptions(do, activity.RegisterOptions{Name: name})
	}
	n := g.add(c, activities.NoticesQueue, noticeSlots, cfg.Limits.Stop, false)
	n.RegisterActivityWithOptions(control.Tell, activity.RegisterOptions{Name: activities.TellName})
	n.RegisterActivityWithOptions(control.MailReport, activity.RegisterOptions{Name: activities.MailReportName})
	return g
}

// registerWorkflows registers every workflow under the name that histories
// know it by.
func registerWorkflows(w sdkworker.WorkflowRegistry) {
	w.RegisterWorkflowWithOptions(workflows.BackupHost, workflow.RegisterOptions{Name: workflows.BackupHostName})
	w.RegisterWorkflowWithOptions(workflows.StartScheduledBackup, workflow.RegisterOptions{Name: workflows.StartScheduledBackupName})
	w.RegisterWorkflowWithOptions(workflows.RestoreHost, workflow.RegisterOptions{Name: workflows.RestoreHostName})
	w.RegisterWorkflowWithOptions(workflows.PruneHost, workflow.RegisterOptions{Name: workflows.PruneHostName})
	w.RegisterWorkflowWithOptions(workflows.DecideHost, workflow.RegisterOptions{Name: workflows.DecideHostName})
	w.RegisterWorkflowWithOptions(workflows.ChangeSnapshot, workflow.RegisterOptions{Name: workflows.ChangeSnapshotName})
	w.RegisterWorkflowWithOptions(workflows.RegisterStorage, workflow.RegisterOptions{Name: workflows.RegisterStorageName})
	w.RegisterWorkflowWithOptions(workflows.RenameHost, workflow.RegisterOptions{Name: workflows.RenameHostName})
	w.RegisterWorkflowWithOptions(workflows.DeleteHost, workflow.RegisterOptions{Name: workflows.DeleteHostName})
	w.RegisterWorkflowWithOptions(workflows.ExpireData, workflow.RegisterOptions{Name: workflows.ExpireDataName})
	w.RegisterWorkflowWithOptions(workflows.ProbeHost, workflow.RegisterOptions{Name: workflows.ProbeHostName})
	w.RegisterWorkflowWithOptions(workflows.VerifyHost, workflow.RegisterOptions{Name: workflows.VerifyHostName})
	w.RegisterWorkflowWithOptions(workflows.VerifyDue, workflow.RegisterOptions{Name: workflows.VerifyDueName})
	w.RegisterWorkflowWithOptions(workflows.ListDatasets, workflow.RegisterOptions{Name: workflows.ListDatasetsName})
	w.RegisterWorkflowWithOptions(workflows.MeasureHost, workflow.RegisterOptions{Name: workflows.MeasureHostName})
	w.RegisterWorkflowWithOptions(workflows.DeliverNotice, workflow.RegisterOptions{Name: workflows.DeliverNoticeName})
	w.RegisterWorkflowWithOptions(workflows.DailyBilling, workflow.RegisterOptions{Name: workflows.DailyBillingName})
	w.RegisterWorkflowWithOptions(workflows.BillingDue, workflow.RegisterOptions{Name: workflows.BillingDueName})
	w.RegisterWorkflowWithOptions(workflows.DailyDigest, workflow.RegisterOptions{Name: workflows.DailyDigestName})
	w.RegisterWorkflowWithOptions(workflows.MonthlyReport, workflow.RegisterOptions{Name: workflows.MonthlyReportName})
	w.RegisterWorkflowWithOptions(workflows.ReportsDue, workflow.RegisterOptions{Name: workflows.ReportsDueName})
	w.RegisterWorkflowWithOptions(workflows.WatchFleet, workflow.RegisterOptions{Name: workflows.WatchFleetName})
}

// NewStorage makes the workers of `planb worker`: one for its datasets, with
// many slots, and one for transfers, with as many as the server bears.
func NewStorage(c client.Client, cfg *config.Config, storage *activities.Storage) *Group {
	g := newGroup()
	notes := &unfinished{dir: filepath.Join(cfg.State, "tasks"), log: slog.Default()}
	g.before = func() {
		// Without it the steps begin anew all the same, after their time-outs.
		if err := notes.giveUp(context.Background(), c); err != nil {
			slog.Warn("what a killed worker left was not handed back", "error", err)
		}
	}
	w := g.add(c, activities.StorageQueue(cfg.Server), cfg.Limits.Storage, cfg.Limits.Stop, false, notes)
	for name, do := range map[string]any{
		activities.PreCheckName: storage.PreCheck,
		activities.PrepareName:  storage.Prepare,
		activities.SnapshotName: storage.Snapshot,
		activities.PruneName:    storage.Prune,
		activities.MeasureName:  storage.Measure,
		activities.IndexName:    storage.Index,
		activities.RestoreName:  storage.Restore,

		activities.GuardsName:         storage.Guards,
		activities.PlanPruneName:      storage.PlanPrune,
		activities.SnapshotTakenName:  storage.SnapshotTaken,
		activities.DecideName:         storage.Decide,
		activities.ChangeSnapshotName: storage.ChangeSnapshot,
		activities.MoveDatasetName:    storage.MoveDataset,
		activities.MarkRemovedName:    storage.MarkRemoved,
		activities.KeepRemovedName:    storage.KeepRemoved,
		activities.DestroyRemovedName: storage.DestroyRemoved,
		activities.ListDatasetsName:   storage.ListDatasets,
		activities.ProbeName:          storage.Probe,
		activities.VerifyName:         storage.Verify,
		activities.UsageName:          storage.Usage,
		activities.LookStoragesName:   storage.LookStorages,
	} {
		w.RegisterActivityWithOptions(do, activity.RegisterOptions{Name: name})
	}
	p := g.add(c, activities.PullQueue(cfg.Server), cfg.Limits.Pulls, cfg.Limits.Stop, false, notes)
	p.RegisterActivityWithOptions(storage.Pull, activity.RegisterOptions{Name: activities.PullName})
	slog.Debug("storage worker", "server", cfg.Server, "pulls", cfg.Limits.Pulls)
	return g
}
