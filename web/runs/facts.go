package runs

import (
	"fmt"

	"planb/activities"
	"planb/internal/catalog"
	"planb/web/ui"
)

// outcomeFacts gives what a run came to, as names and values.
func outcomeFacts(out activities.Outcome) [][2]string {
	var list [][2]string
	add := func(name, value string) { list = append(list, [2]string{name, value}) }
	if out.Server != "" {
		add("Server", out.Server)
	}
	if out.Dataset != "" {
		add("Dataset", out.Dataset)
	}
	if p := out.Pull; p.State != "" {
		add("rsync", fmt.Sprintf("%s, exit code %d", p.State, p.Code))
		add("Files in all", ui.Count(p.FilesTotal))
		add("New", ui.Count(p.FilesCreated))
		add("Transferred", ui.Plural(int(p.FilesTransferred), "file", "files")+", "+ui.Bytes(p.BytesTransferred)+" over the wire")
		add("Deleted", ui.Count(p.FilesDeleted))
		add("Size in all", ui.Bytes(p.BytesTotal))
		if p.Vanished > 0 {
			add("Vanished", ui.Plural(p.Vanished, "file was gone", "files were gone")+" when rsync came to read")
		}
		if p.Failed > 0 {
			add("Not read", ui.Plural(p.Failed, "file", "files"))
		}
		if p.DeletesSkipped {
			add("Deletions", "none were made: files gone from the host are still in the snapshot")
		}
	}
	for _, g := range out.Guards {
		add("Guard "+g.Guard, g.Reason)
	}
	if out.Held != "" {
		add("Held", out.Held+", the last good snapshot, until somebody decides")
	}
	if out.Pruned > 0 {
		add("Pruned", ui.Plural(out.Pruned, "snapshot", "snapshots"))
	}
	if m := out.Measured; m != nil {
		add("Dataset uses", ui.Bytes(m.Used)+", with "+ui.Plural(m.SnapshotCount, "snapshot", "snapshots"))
	}
	return list
}

// evidenceFacts gives what a verification found, as names and values.
func evidenceFacts(v catalog.Verification) [][2]string {
	list := [][2]string{
		{"Outcome", v.Outcome + ": " + v.Summary},
		{"Snapshot", v.Snapshot},
		{"Dataset", v.Server + ":" + v.Dataset},
		{"Sample", v.Sample},
		{"Restored", ui.Plural(int(v.Files), "file", "files") + ", " + ui.Bytes(v.Bytes) + " in " + seconds(v.RestoreSeconds)},
		{"Compared", fmt.Sprintf("%s: %s with the host, %s by checksum", ui.Count(v.Compared), ui.Count(v.ByHost), ui.Count(v.ByChecksum))},
	}
	if v.Mismatched > 0 {
		list = append(list, [2]string{"Differ", ui.Plural(int(v.Mismatched), "file", "files")})
	}
	if v.Canaries > 0 {
		list = append(list, [2]string{"Canaries", fmt.Sprintf("%d of %d as they have to be", v.CanariesOK, v.Canaries)})
	}
	if v.HostNotAsked != "" {
		list = append(list, [2]string{"Host not asked", string(v.HostNotAsked)})
	}
	return list
}
