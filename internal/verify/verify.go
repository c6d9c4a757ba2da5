// Package verify decides what restored files prove about a backup.
//
// A file that was restored is held against what else is known of it: the
// snapshot that it came from, the checksum that the host's rsync computed when
// it sent the file, and the host's own file, unless that was changed since. Each
// of the three can speak against the backup; only the last two can speak for
// it, since they come from the host.
package verify

import (
	"fmt"
	"strings"

	"planb/internal/rsync"
)

// Outcomes of a verification.
const (
	// Proven is a sample of which every file that could be compared was equal,
	// at least one of them.
	Proven = "proven"
	// Mismatch is at least one file that is not as it has to be.
	Mismatch = "mismatch"
	// Unproven is a sample of which nothing could be compared.
	Unproven = "unproven"
)

// Kinds of findings: what is not as it should be.
const (
	// KindRestore is a file that could not be restored as the snapshot has it.
	KindRestore = "restore"
	// KindBackup is a file in the backup that is not what the host sent.
	KindBackup = "backup"
	// KindHost is a file on the host that was changed and kept its size and
	// time, so that backups do not notice it.
	KindHost = "host"
	// KindEither is one of the last two; nothing tells which.
	KindEither = "either"
	// KindMissing is a canary that the snapshot does not have as a file.
	KindMissing = "missing"
	// KindLost is a file that was in the snapshot when that was taken.
	KindLost = "lost"
)

// MaxFindings is how many findings a Tally names; it counts them all.
const MaxFindings = 20

// Finding is a file that is not as it has to be.
type Finding struct {
	// Path is the host's own, escaped for people.
	Path string `json:"path"`
	Kind string `json:"kind"`
	// Text says what is wrong, as the end of a sentence about the file.
	Text string `json:"text"`
}

// Sum is what the checksum of backup time says of a restored file.
type Sum int

// What a checksum can say.
const (
	SumUnknown Sum = iota // none is known, or none of a known kind
	SumEqual
	SumDiffers
)

// Observed is what was found out about one file.
type Observed struct {
	// Shown is the host's own path, escaped for people.
	Shown  string
	Size   int64
	Canary bool
	// Absent says why there is nothing to restore, as the end of a sentence.
	Absent string
	// Lost says that the snapshot does not have what its index has.
	Lost bool
	// Snapshot is how the restored file differs from the one in the snapshot;
	// nil when it was not restored.
	Snapshot *rsync.Difference
	Sum      Sum
	// Live is how it differs from the host's; nil when the host has none, or was
	// not asked.
	Live *rsync.Difference
}

// Tally is what all files of a verification came to. Sizes are bytes.
type Tally struct {
	// Files were restored, of Bytes together.
	Files int64 `json:"files"`
	Bytes int64 `json:"bytes"`
	// ByHost and BySum were found equal to the host's file and to the checksum of
	// backup time; many files are in both. Compared are in at least one.
	ByHost   int64 `json:"by_host"`
	BySum    int64 `json:"by_sum"`
	Compared int64 `json:"compared"`
	// NotComparable are those for which there was neither; Uncompared names the
	// first.
	NotComparable int64    `json:"not_comparable"`
	Uncompared    []string `json:"uncompared,omitempty"`
	// Attributes counts files whose owner, mode, ACL or extended attributes are
	// others on the host now; AttributeFiles names the first. They were changed
	// there since, or are not kept; nothing tells which.
	Attributes     int64    `json:"attributes"`
	AttributeFiles []string `json:"attribute_files,omitempty"`
	// TooLarge were left out: the sample or the scratch place has no room for
	// them.
	TooLarge int64 `json:"too_large"`
	// Unread could not be looked at on the pool when the snapshot was indexed, and
	// could not be chosen.
	Unread int64 `json:"unread,omitempty"`
	// Canaries were looked for, and CanariesOK found equal.
	Canaries   int64 `json:"canaries"`
	CanariesOK int64 `json:"canaries_ok"`
	// Mismatched are not as they have to be; Findings tells of the first.
	Mismatched int64     `json:"mismatched"`
	Findings   []Finding `json:"findings,omitempty"`
}

// Add takes one file, and gives the finding if there is one.
func (t *Tally) Add(o Observed) *Finding {
	if o.Canary {
		t.Canaries++
	}
	if o.Snapshot != nil {
		t.Files++
		t.Bytes += o.Size
	}
	kind, text := judge(o)
	if kind != "" {
		f := Finding{Path: o.Shown, Kind: kind, Text: text}
		t.Mismatched++
		if len(t.Findings) < MaxFindings {
			t.Findings = append(t.Findings, f)
		}
		return &f
	}
	byHost := o.Live != nil && !o.Live.Content && !o.Live.Other
	bySum := o.Sum == SumEqual
	if byHost {
		t.ByHost++
	}
	if bySum {
		t.BySum++
	}
	if byHost && !o.Live.Time && o.Live.Attributes() {
		t.Attributes++
		name(&t.AttributeFiles, o.Shown+" ("+o.Live.String()+")")
	}
	if !byHost && !bySum {
		t.NotComparable++
		name(&t.Uncompared, o.Shown)
		return nil
	}
	t.Compared++
	if o.Canary {
		t.CanariesOK++
	}
	return nil
}

func name(list *[]string, what string) {
	if len(*list) < MaxFindings {
		*list = append(*list, what)
	}
}

// judge finds what speaks against a file, the surest first.
func judge(o Observed) (kind, text string) {
	switch {
	case o.Absent != "":
		return KindMissing, o.Absent
	case o.Lost:
		return KindLost, "was in the snapshot when that was taken, as its index has it, and is there no longer"
	case o.Snapshot == nil:
		return KindRestore, "could not be restored"
	case !o.Snapshot.Same():
		return KindRestore, "was restored otherwise than the snapshot has it: " + o.Snapshot.String()
	case o.Sum == SumDiffers:
		return KindBackup, "is not what the host sent: its checksum is another than that of backup time"
	case o.Live == nil || o.Live.Other || !o.Live.Content || o.Live.Size || o.Live.Time:
		// Equal, or changed since as anybody can see.
		return "", ""
	case o.Sum == SumEqual:
		return KindHost, "is in the backup as the host sent it, but another now on the host, with the same size and time: " +
			"backups do not notice such a change"
	}
	return KindEither, "is not the same as on the host, though size and time are equal"
}

// Outcome is what the files prove together.
func (t *Tally) Outcome() string {
	switch {
	case t.Mismatched > 0:
		return Mismatch
	case t.Compared > 0:
		return Proven
	}
	return Unproven
}

// named is how many findings a message names.
const named = 3

// Summary says in a sentence what the files came to.
func (t *Tally) Summary() string {
	switch t.Outcome() {
	case Mismatch:
		var names []string
		for _, f := range t.Findings[:min(named, len(t.Findings))] {
			names = append(names, f.Path+" "+f.Text)
		}
		more := ""
		if n := t.Mismatched - int64(len(names)); n > 0 {
			more = fmt.Sprintf("; and %d more", n)
		}
		return fmt.Sprintf("%s: %s%s", are(t.Mismatched, "file is not as it has to be", "files are not as they have to be"), strings.Join(names, "; "), more)
	case Unproven:
		if t.Files == 0 {
			return "nothing is proven: there was no file to restore"
		}
		return fmt.Sprintf("nothing is proven: %s restored, but could be held against nothing that came from the host", are(t.Files, "file was", "files were"))
	}
	text := fmt.Sprintf("%s restored and found equal", are(t.Compared, "file was", "files were"))
	if t.NotComparable > 0 {
		text += fmt.Sprintf(", %d more could be held against nothing", t.NotComparable)
	}
	if t.TooLarge > 0 {
		text += fmt.Sprintf(", %d too large for the sample left out", t.TooLarge)
	}
	if t.Unread > 0 {
		text += fmt.Sprintf("; %s be looked at on the pool and never restored", are(t.Unread, "file could not", "files could not"))
	}
	if t.Attributes > 0 {
		text += fmt.Sprintf("; %s another owner, mode, ACL or attributes on the host now, the first is %s",
			are(t.Attributes, "file has", "files have"), t.AttributeFiles[0])
	}
	return text
}

func are(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// Remedy says what to do about a mismatch; it is empty for other outcomes but
// for one that proves nothing. Run is the verification's, Host its host.
func (t *Tally) Remedy(host, run string) string {
	switch t.Outcome() {
	case Unproven:
		return "back the host up again, so that checksums are kept, or see why it could not be asked: planb run log " + run
	case Proven:
		return ""
	}
	kinds := map[string]bool{}
	for _, f := range t.Findings {
		kinds[f.Kind] = true
	}
	var what []string
	if kinds[KindBackup] || kinds[KindEither] || kinds[KindRestore] || kinds[KindLost] {
		what = append(what, "look at the pool with zpool status -v, and scrub it",
			"restore from another snapshot, see planb snapshots "+host)
	}
	if kinds[KindHost] || kinds[KindEither] {
		what = append(what, "look at the files on the host; touch those that are right, so that the next backup takes them")
	}
	if kinds[KindMissing] {
		what = append(what, "see whether the canary is among what is backed up: planb host show "+host)
	}
	return strings.Join(append(what, "planb run log "+run+" names all files"), "; ")
}
