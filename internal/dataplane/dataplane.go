// Package dataplane is the read-only HTTP service of a storage worker: list,
// stat, read and tar the files of a snapshot, and the logs of runs.
//
// A caller signs a short-lived token with the key that it shares with the
// worker; the token names one dataset (with all beneath it) or one run, and
// what may be done with it. Nothing in this package writes.
package dataplane

import (
	"context"
	"time"

	"planb/internal/index"
	"planb/internal/tree"
)

// View is the readable tree of one snapshot, held open until Close.
type View = index.View

// ZFS is the Opener over the real pools.
type ZFS = index.ZFS

// Opener gives access to snapshots. Snap is a plain snapshot name, or empty for
// the live files. An error for a dataset or snapshot that is not there wraps
// fs.ErrNotExist.
type Opener interface {
	OpenSnapshot(ctx context.Context, dataset, snap string) (View, error)
}

// Indexes gives access to what is known of all snapshots of a dataset at once;
// index.Keeper is it.
type Indexes interface {
	// Read calls do with the index of a dataset, brought up to date as far as
	// that takes no longer than patience, and with how far that is.
	Read(ctx context.Context, dataset string, patience time.Duration, do func(*index.Index, index.Progress) error) error
}

// DataDir is the directory of a dataset that holds the files of the host.
const DataDir = tree.DataDir

// Op is one thing that a token may allow.
type Op string

// The operations of the service. OpStat is covered by OpList as well.
const (
	OpDiff    Op = "diff"
	OpFind    Op = "find"
	OpHistory Op = "history"
	OpList    Op = "list"
	OpLog     Op = "log"
	OpRead    Op = "read"
	OpSizes   Op = "sizes"
	OpStat    Op = "stat"
	OpTar     Op = "tar"
)
