package worker

import "planb/activities"

// StepName is the word for what an activity does, as people read it: the same
// in the command line, on the pages and in the log of a run. It is the name of
// the activity itself where nobody has a better word, and known is false then.
func StepName(activity string) (name string, known bool) {
	if name, known = stepNames[activity]; known {
		return name, true
	}
	return activity, false
}

var stepNames = map[string]string{
	activities.LoadName: "load", activities.PreCheckName: "pre-check", activities.PrepareName: "prepare",
	activities.PinHostKeysName: "pin host keys", activities.RecordWaitingName: "note wait",
	activities.PullName: "pull", activities.SnapshotName: "snapshot", activities.PruneName: "prune",
	activities.GuardsName: "guards", activities.LoadDatasetName: "load", activities.PlanPruneName: "plan",
	activities.DecideName: "decide", activities.ChangeSnapshotName: "snapshot", activities.NoteName: "record",
	activities.MeasureName: "measure", activities.RecordName: "record", activities.RestoreName: "restore",
	activities.IndexName:     "index",
	activities.ClaimHostName: "wait until no run works on it", activities.MoveDatasetName: "rename its dataset",
	activities.MarkRemovedName: "mark its data as removed", activities.DestroyRemovedName: "destroy its data",
	activities.LoadVerifyName: "load", activities.VerifyName: "verify", activities.RecordEvidenceName: "keep the evidence",
	activities.ProbeName: "look at it",
}
