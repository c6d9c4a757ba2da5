package report

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"planb/internal/catalog"
	"planb/internal/policy"
)

// DigestInput is what the daily digest is made from.
type DigestInput struct {
	// Day is the day it is of, in Zone; Now is when it is made.
	Day  string
	Now  time.Time
	Zone *time.Location
	// URL is that of the pages; empty leaves links out.
	URL string
	// Hosts are all hosts as they are doing now.
	Hosts []catalog.HostLine
	// Ended counts the backups of the last 24 hours by how they ended.
	Ended map[string]int
	// Storages are all storages; SilentAfter is how long the worker of one may
	// say nothing.
	Storages    []catalog.StorageRoom
	SilentAfter time.Duration
	// FreeWarn is the share of a storage, in percent, that should be free.
	FreeWarn int
	// Notices are the open ones.
	Notices []catalog.Condition
	// Missing names what could not be read.
	Missing []string
}

// most bounds the rows of a section: a mail that nobody reads to its end is not
// read at all. The pages have the rest.
const most = 100

// NewDigest writes the digest.
func NewDigest(in DigestInput) Doc {
	w := digest{DigestInput: in, clock: clock{in.Now, in.Zone}}
	doc := Doc{Subject: "PlanB: " + countsOf(in.Hosts).words(), Title: "PlanB on " + in.Day}
	doc.Lead = append(doc.Lead, "As of "+w.full(in.Now)+".")
	if len(in.Missing) > 0 {
		doc.Lead = append(doc.Lead, "Not in it, since the catalog could not be asked for it: "+strings.Join(in.Missing, ", ")+".")
	}
	doc.Sections = append(doc.Sections, w.attention(), w.backups(), w.storages(), w.proven())
	if len(in.Notices) > 0 {
		doc.Sections = append(doc.Sections, w.notices())
	}
	if in.URL != "" {
		doc.Foot = append(doc.Foot, "All of it is on "+in.URL+"/")
	}
	return doc
}

// digest writes the sections.
type digest struct {
	DigestInput
	clock
}

// counts are of hosts by health. Suspect are among the failing; waiting are
// counted by their health, too.
type counts struct {
	OK, Late, Failing, Never, Paused, Suspect, Waiting int
}

func countsOf(hosts []catalog.HostLine) (c counts) {
	for _, h := range hosts {
		switch h.Health {
		case policy.HealthOK:
			c.OK++
		case policy.HealthLate:
			c.Late++
		case policy.HealthFailing:
			c.Failing++
		case policy.HealthNever:
			c.Never++
		case policy.HealthPaused:
			c.Paused++
		}
		if h.Health == policy.HealthFailing && h.SuspectSince != nil {
			c.Suspect++
		}
		if waits(h) {
			c.Waiting++
		}
	}
	return c
}

// words gives the counts of the subject, what needs a person first.
func (c counts) words() string {
	var parts []string
	for _, p := range []struct {
		n    int
		word string
	}{{c.Failing, "failing"}, {c.Never, "never"}, {c.Late, "late"}, {c.OK, "ok"}, {c.Paused, "paused"}} {
		if p.n == 0 {
			continue
		}
		text := fmt.Sprintf("%d %s", p.n, p.word)
		if p.word == "failing" && c.Suspect > 0 {
			text += fmt.Sprintf(" (%d suspect)", c.Suspect)
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return "no hosts"
	}
	words := strings.Join(parts, ", ")
	if c.Waiting > 0 {
		words += fmt.Sprintf("; %d waiting", c.Waiting)
	}
	return words
}

func waits(h catalog.HostLine) bool {
	return h.Enabled && string(h.State) == policy.StateWaiting
}

func (w digest) hostHref(host string) string {
	if w.URL == "" {
		return ""
	}
	return w.URL + "/hosts/" + (&url.URL{Path: host}).EscapedPath()
}

// more says that a section is not whole.
func (w digest) more(rows []Row, all int) []string {
	if all <= len(rows) {
		return nil
	}
	return []string{fmt.Sprintf("These are the first %d of %d.", len(rows), all)}
}
