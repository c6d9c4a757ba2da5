// Package schema holds the SQL migrations of the catalog.
package schema

import (
	"embed"
	"io/fs"
)

//go:embed migrations/*.sql
var files embed.FS

// Migrations gives the numbered files, in the format of tern: 001_name.sql is
// what leads from version 0 to version 1.
func Migrations() fs.FS {
	sub, err := fs.Sub(files, "migrations")
	if err != nil {
		panic(err) // the directory is part of the binary
	}
	return sub
}
