package operate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"planb/activities"
	"planb/internal/catalog"
	"planb/worker"
)

// stalePatience bounds asking all storage servers for their datasets, which
// takes a moment on pools with thousands.
const stalePatience = time.Minute

// Why a dataset is stale.
const (
	// StaleRemoved is of a host that was removed.
	StaleRemoved = "removed"
	// StaleElsewhere is of a host whose files go to another dataset.
	StaleElsewhere = "elsewhere"
	// StaleUnknown is of nobody that the catalog knows.
	StaleUnknown = "unknown"
)

// StaleDataset is a dataset beneath a storage that no host's files go to.
type StaleDataset struct {
	Server    string       `json:"server"`
	Storage   string       `json:"storage"`
	Dataset   string       `json:"dataset"`
	Host      catalog.Text `json:"host"`
	UsedBytes int64        `json:"used_bytes"`
	// Since is when its host was removed; Expires is null when it is kept.
	Since   *time.Time `json:"since"`
	Expires *time.Time `json:"expires"`
	// Why is removed, elsewhere or unknown.
	Why string `json:"why"`

	hostID string
}

// SilentServerError is a storage server that could not be asked.
type SilentServerError struct {
	Server string
	// Why is a clause with what to do.
	Why string
	Err error
}

// Error is a sentence.
func (e *SilentServerError) Error() string { return "server " + e.Server + " " + e.Why }

// Unwrap gives the cause.
func (e *SilentServerError) Unwrap() error { return e.Err }

// SilentServers takes the error of Stale apart: the servers that could not be
// asked, or another error.
func SilentServers(err error) ([]*SilentServerError, error) {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		return nil, err
	}
	var silent []*SilentServerError
	for _, one := range joined.Unwrap() {
		var s *SilentServerError
		if !errors.As(one, &s) {
			return nil, err
		}
		silent = append(silent, s)
	}
	return silent, nil
}

// Stale asks every storage server for its datasets, and leaves out those of
// hosts. It gives what it got also where a server could not be asked: errors
// are then *SilentServerError, joined.
func (o Operator) Stale(ctx context.Context) ([]StaleDataset, error) {
	ctx, cancel := context.WithTimeout(ctx, stalePatience)
	defer cancel()
	found, silent := o.stored(ctx)
	hosts, err := o.Catalog.Hosts(ctx, catalog.HostFilter{})
	if err != nil {
		return nil, err
	}
	groups, err := o.Catalog.Groups(ctx)
	if err != nil {
		return nil, err
	}
	return staleOf(found, hosts, groups), silent
}

func (o Operator) datasetsOf(ctx context.Context, server string) ([]activities.StoredDataset, error) {
	there, err := worker.HasWorker(ctx, o.Temporal, activities.StorageQueue(server))
	if err != nil {
		return nil, unavailable("", err)
	}
	if !there {
		return nil, &SilentServerError{Server: server, Why: "has no worker running: start `planb worker` there"}
	}
	found, err := worker.Datasets(ctx, o.Temporal, server)
	if err != nil {
		return nil, &SilentServerError{Server: server, Why: fmt.Sprintf("did not tell its datasets: %s", activities.Message(err)), Err: err}
	}
	return found, nil
}

// staleOf gives those of found that no host's files go to.
func staleOf(found []activities.StoredDataset, hosts []catalog.Host, groups []catalog.Group) []StaleDataset {
	out := []StaleDataset{}
	for _, d := range found {
		if d.HostID == "" && isGroup(d, groups) {
			continue
		}
		why := StaleUnknown
		if d.Removed != nil {
			why = StaleRemoved
		}
		used := false
		for _, h := range hosts {
			used = used || usedBy(d, h)
			if h.Server == d.Server && h.ID == d.HostID {
				why = StaleElsewhere
			}
		}
		if !used {
			out = append(out, StaleDataset{
				Server: d.Server, Storage: d.Storage, Dataset: d.Dataset, Host: catalog.Text(d.Host), UsedBytes: d.UsedBytes,
				Since: d.Removed, Expires: d.Expires, Why: why, hostID: d.HostID,
			})
		}
	}
	return out
}

// isGroup says whether a dataset is that of a group, which hosts come and go in.
func isGroup(d activities.StoredDataset, groups []catalog.Group) bool {
	return slices.ContainsFunc(groups, func(g catalog.Group) bool { return d.Dataset == d.Storage+"/"+g.Name })
}

// Keep lets the data of a removed host stay for good. Errors:
// *catalog.NotFoundError, *catalog.RefusedError when it stays already.
func (o Operator) Keep(ctx context.Context, dataset string) error {
	stale, err := o.Stale(ctx)
	i := slices.IndexFunc(stale, func(d StaleDataset) bool { return d.Dataset == dataset })
	switch {
	case i < 0 && err != nil:
		return err
	case i < 0:
		return &catalog.NotFoundError{Kind: "stale dataset", Name: dataset, Hint: "see `planb storage list --stale`"}
	case stale[i].Expires == nil:
		return &catalog.RefusedError{Reason: dataset + " is kept already: no time is set at which it goes"}
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	return unavailable("", worker.KeepData(ctx, o.Temporal, string(stale[i].Host), stale[i].hostID))
}
