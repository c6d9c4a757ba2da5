// Package schema holds the SQL migrations of the catalog.
package schema

import (
	"embed"
	"fmt"
	"io/fs"
	"strconv"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations gives the numbered files, in the format of tern: 001_name.sql is
// what leads from version 0 to version 1. A number that no file has is a step
// that changes nothing, so that changes made side by side need not agree on
// the next number; once released, such a number stays unused.
func Migrations() fs.FS {
	sub, err := fs.Sub(files, "migrations")
	if err != nil {
		panic(err) // the directory is part of the binary
	}
	entries, err := fs.ReadDir(sub, ".")
	if err != nil {
		panic(err)
	}
	return steps{sub, withUnused(entries)}
}

// steps are the files with the unused numbers between them.
type steps struct {
	fs.FS
	entries []fs.DirEntry
}

// ReadDir implements fs.ReadDirFS for the only directory there is.
func (s steps) ReadDir(string) ([]fs.DirEntry, error) { return s.entries, nil }

// Open implements fs.FS.
func (s steps) Open(name string) (fs.File, error) {
	var n int
	if _, err := fmt.Sscanf(name, unusedName, &n); err == nil && name == fmt.Sprintf(unusedName, n) {
		return s.FS.Open(noChange)
	}
	return s.FS.Open(name)
}

const (
	unusedName = "%03d_unused.sql"
	// noChange is not numbered, and so no step itself.
	noChange = "no_change.sql"
)

// withUnused adds an entry for each number below the last that no file has.
func withUnused(entries []fs.DirEntry) []fs.DirEntry {
	taken, last := map[int]bool{}, 0
	var all []fs.DirEntry
	for _, e := range entries {
		if len(e.Name()) < 3 {
			continue
		}
		if n, err := strconv.Atoi(e.Name()[:3]); err == nil {
			taken[n], last = true, max(last, n)
			all = append(all, e)
		}
	}
	for n := 1; n < last; n++ {
		if !taken[n] {
			all = append(all, unused(n))
		}
	}
	return all
}

// unused is the entry of a number that no file has.
type unused int

func (u unused) Name() string               { return fmt.Sprintf(unusedName, int(u)) }
func (u unused) IsDir() bool                { return false }
func (u unused) Type() fs.FileMode          { return 0 }
func (u unused) Info() (fs.FileInfo, error) { return nil, fs.ErrNotExist }
