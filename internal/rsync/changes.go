package rsync

import "strings"

// Changes counts what a transfer did to regular files here, as it went along:
// unlike Stats, also what one did that was broken off. The file that it was
// broken off in is counted by the transfer that finishes it.
type Changes struct {
	Created int64 `json:"created"`
	// Changed counts files that were here before.
	Changed int64 `json:"changed"`
	Deleted int64 `json:"deleted"`
}

// Plus adds those of another transfer.
func (c Changes) Plus(d Changes) Changes {
	return Changes{Created: c.Created + d.Created, Changed: c.Changed + d.Changed, Deleted: c.Deleted + d.Deleted}
}

// count takes one line of rsync, as Parser.OnItem does.
func (c *Changes) count(code, path string) {
	switch {
	case code == "*deleting":
		if !strings.HasSuffix(path, "/") { // a directory
			c.Deleted++
		}
	case strings.HasPrefix(code, ">f+"):
		c.Created++
	case strings.HasPrefix(code, ">f"):
		c.Changed++
	}
}
