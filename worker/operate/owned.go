package operate

import (
	"context"
	"errors"
	"slices"
	"strings"

	"planb/activities"
	"planb/internal/catalog"
)

// OwnedDataset is a dataset beneath a storage, with the host whose files go to
// it; a zero Host where there is none.
type OwnedDataset struct {
	activities.StoredDataset
	Host catalog.Host
}

// Owned asks every storage server for its datasets. It gives what it got also
// where a server could not be asked: errors are then *SilentServerError, joined.
func (o Operator) Owned(ctx context.Context) ([]OwnedDataset, error) {
	ctx, cancel := context.WithTimeout(ctx, stalePatience)
	defer cancel()
	all, err := o.stored(ctx)
	hosts, failed := o.Catalog.Hosts(ctx, catalog.HostFilter{})
	if failed != nil {
		return nil, errors.Join(err, failed)
	}
	groups, failed := o.Catalog.Groups(ctx)
	if failed != nil {
		return nil, errors.Join(err, failed)
	}
	var out []OwnedDataset
	for _, d := range all {
		i := slices.IndexFunc(hosts, func(h catalog.Host) bool { return usedBy(d, h) })
		switch {
		case i >= 0:
			out = append(out, OwnedDataset{StoredDataset: d, Host: hosts[i]})
		case d.HostID != "" || !isGroup(d, groups):
			out = append(out, OwnedDataset{StoredDataset: d})
		}
	}
	return out, err
}

// usedBy says whether the files of h go to d.
func usedBy(d activities.StoredDataset, h catalog.Host) bool {
	if h.Server != d.Server || h.Dataset == "" {
		return false
	}
	return h.Dataset == d.Dataset || d.HostID == "" && strings.HasPrefix(d.Dataset, h.Dataset+"/")
}

// stored gives the datasets of all storages, as Owned does.
func (o Operator) stored(ctx context.Context) ([]activities.StoredDataset, error) {
	storages, err := o.Catalog.Storages(ctx)
	if err != nil {
		return nil, err
	}
	var out []activities.StoredDataset
	var asked []string
	var silent []error
	for _, st := range storages {
		if slices.Contains(asked, st.Server) {
			continue
		}
		asked = append(asked, st.Server)
		found, err := o.datasetsOf(ctx, st.Server)
		if err != nil {
			silent = append(silent, err)
			continue
		}
		out = append(out, found...)
	}
	return out, errors.Join(silent...)
}
