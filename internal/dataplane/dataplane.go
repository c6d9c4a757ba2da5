// Package dataplane is the read-only HTTP service of a storage worker: list,
// stat, read and tar the files of a snapshot, and the logs of runs.
//
// A caller signs a short-lived token with the key that it shares with the
// worker; the token names one dataset (with all beneath it) or one run, and
// what may be done with it. Nothing in this package writes.
package dataplane

import (
	"context"

	"planb/internal/tree"
)

// View is the readable tree of one snapshot, held open until Close.
type View interface {
	// Path is the directory that holds the dataset's content; the host's files
	// lie in its data directory.
	Path() string
	Close() error
}

// Opener gives access to snapshots. Snap is a plain snapshot name, or empty for
// the live files. An error for a dataset or snapshot that is not there wraps
// fs.ErrNotExist.
type Opener interface {
	OpenSnapshot(ctx context.Context, dataset, snap string) (View, error)
}

// DataDir is the directory of a dataset that holds the files of the host.
const DataDir = tree.DataDir

// Op is one thing that a token may allow.
type Op string

// The operations of the service. OpStat is covered by OpList as well.
const (
	OpList Op = "list"
	OpLog  Op = "log"
	OpRead Op = "read"
	OpStat Op = "stat"
	OpTar  Op = "tar"
)
