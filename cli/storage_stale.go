package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/activities"
	"planb/internal/catalog"
	"planb/worker"
)

// staleDataset is a dataset beneath a storage that no host's files go to.
type staleDataset struct {
	Server    string       `json:"server"`
	Storage   string       `json:"storage"`
	Dataset   string       `json:"dataset"`
	Host      catalog.Text `json:"host"`
	UsedBytes int64        `json:"used_bytes"`
	// Since is when its host was removed; Expires is null when it is kept.
	Since   *time.Time `json:"since"`
	Expires *time.Time `json:"expires"`
	// Why is removed, elsewhere (its host's files go to another dataset) or
	// unknown.
	Why string `json:"why"`

	hostID string
}

func (a *app) storageListStale(c *ucli.Context) error {
	stale, err := a.stale(c)
	if err != nil {
		return err
	}
	return list(a, c, stale, "SERVER DATASET HOST USED WHY SINCE GOES", func(d staleDataset) []string {
		goes := "kept"
		if d.Expires != nil {
			goes = when(d.Expires)
		}
		return []string{d.Server, d.Dataset, string(d.Host), size(d.UsedBytes), d.Why, when(d.Since), goes}
	})
}

// stale asks every storage server for its datasets, and leaves out those of
// hosts.
func (a *app) stale(c *ucli.Context) ([]staleDataset, error) {
	ctx, store, err := a.catalog(c)
	if err != nil {
		return nil, err
	}
	storages, err := store.Storages(ctx)
	if err != nil {
		return nil, err
	}
	hosts, err := store.Hosts(ctx, catalog.HostFilter{})
	if err != nil {
		return nil, err
	}
	groups, err := store.Groups(ctx)
	if err != nil {
		return nil, err
	}
	out := []staleDataset{}
	var asked []string
	for _, st := range storages {
		if slices.Contains(asked, st.Server) {
			continue
		}
		asked = append(asked, st.Server)
		found, err := a.datasetsOf(ctx, c, st.Server)
		if err != nil {
			return nil, err
		}
		out = append(out, staleOf(found, hosts, groups)...)
	}
	return out, nil
}

func (a *app) datasetsOf(ctx context.Context, c *ucli.Context, server string) ([]activities.StoredDataset, error) {
	tc, err := a.temporal(c)
	if err != nil {
		return nil, err
	}
	there, err := worker.HasWorker(ctx, tc, activities.StorageQueue(server))
	if err != nil {
		return nil, err
	}
	if !there {
		return nil, fmt.Errorf("the worker of server %s is not running: start planb worker there", server)
	}
	found, err := worker.Datasets(ctx, tc, server)
	return found, workflowError(err)
}

// staleOf gives those of found that no host's files go to.
func staleOf(found []activities.StoredDataset, hosts []catalog.Host, groups []catalog.Group) []staleDataset {
	var out []staleDataset
	for _, d := range found {
		if d.HostID == "" && isGroup(d, groups) {
			continue
		}
		why := "unknown"
		if d.Removed != nil {
			why = "removed"
		}
		used := false
		for _, h := range hosts {
			if h.Server != d.Server {
				continue
			}
			if h.Dataset == d.Dataset || d.HostID == "" && strings.HasPrefix(d.Dataset, h.Dataset+"/") && h.Dataset != "" {
				used = true
			}
			if h.ID == d.HostID {
				why = "elsewhere"
			}
		}
		if !used {
			out = append(out, staleDataset{
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

func (a *app) storageKeep(c *ucli.Context) error {
	if c.Args().Len() != 1 {
		return usagef("name one dataset, as planb storage list --stale lists them")
	}
	name := c.Args().First()
	stale, err := a.stale(c)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(stale, func(d staleDataset) bool { return d.Dataset == name })
	switch {
	case i < 0:
		return notFoundf("there is no stale dataset %s: see planb storage list --stale", name)
	case stale[i].Expires == nil:
		return refusedf("%s is kept already: no time is set at which it goes", name)
	}
	tc, err := a.temporal(c)
	if err != nil {
		return err
	}
	if err := worker.KeepData(c.Context, tc, string(stale[i].Host), stale[i].hostID); err != nil {
		return workflowError(err)
	}
	fmt.Fprintf(a.stdout, "%s is kept for good.\n", name)
	return nil
}
