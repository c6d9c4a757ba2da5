package catalog

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"planb/internal/ident"
)

// Claim is the dataset that a host's files go to.
type Claim struct {
	Server string `json:"server"`
	// Storage is the parent dataset.
	Storage string `json:"storage"`
	Dataset string `json:"dataset"`
	// Made says that it has been made on the pool already.
	Made bool `json:"made"`
}

// ClaimDataset gives the dataset of a host, deciding on the first call:
// <parent>/<group>/<name> on the host's storage, or on the only one there is.
// It is refused when that dataset is another host's.
func (s *Store) ClaimDataset(ctx context.Context, hostID string) (Claim, error) {
	var c Claim
	err := s.tx(ctx, func(tx pgx.Tx) error {
		h, err := lockHostID(ctx, tx, hostID)
		if err != nil {
			return err
		}
		if h.Dataset == "" {
			if err := claim(ctx, tx, h); err != nil {
				return err
			}
			if h, err = getHost(ctx, tx, h.Ident()); err != nil {
				return err
			}
		}
		c = Claim{Server: h.Server, Storage: h.Storage, Dataset: h.Dataset, Made: h.DatasetMade}
		return nil
	})
	return c, err
}

// MarkDatasetMade records that the host's dataset is there on the pool. From
// then on neither storage nor dataset of the host change.
func (s *Store) MarkDatasetMade(ctx context.Context, hostID string) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `update hosts set dataset_made = true, updated_at = now()
			where id::text = $1 and dataset is not null and not dataset_made`, hostID)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		h, err := lockHostID(ctx, tx, hostID)
		if err != nil {
			return err
		}
		return audit(ctx, tx, "host.dataset_made", h.Ident().String(), map[string]string{"dataset": h.Dataset})
	})
}

func lockHostID(ctx context.Context, tx pgx.Tx, id string) (Host, error) {
	found, err := rows[Host](ctx, tx, selectHost+` where h.id::text = $1 for update of h`, id)
	if err == nil && len(found) == 0 {
		err = &NotFoundError{Kind: "host", Name: "with id " + id, Hint: "it has been removed"}
	}
	if err != nil {
		return Host{}, err
	}
	return found[0], nil
}

// claim decides the dataset of a host that has none.
func claim(ctx context.Context, tx pgx.Tx, h Host) error {
	st, err := storageOf(ctx, tx, h)
	if err != nil {
		return err
	}
	return setDataset(ctx, tx, h.Ident(), st, st.Dataset+"/"+h.Group+"/"+h.Name)
}

// storageOf gives the host's storage, or the only one there is.
func storageOf(ctx context.Context, tx pgx.Tx, h Host) (Storage, error) {
	if h.Storage != "" {
		return findStorage(ctx, tx, h.Server+":"+h.Storage)
	}
	all, err := rows[Storage](ctx, tx, selectStorage)
	if err != nil {
		return Storage{}, err
	}
	switch len(all) {
	case 1:
		return all[0], nil
	case 0:
		return Storage{}, refusedf("no storage is registered yet: start `planb worker` on the storage server, which registers those of its planb.yaml")
	}
	return Storage{}, refusedf("host %s has no storage and there are %d: choose one with `planb host edit %s --storage …`, see `planb storage list`", h.Ident(), len(all), h.Ident())
}

// place puts a new host on a storage and dataset, where given.
func place(ctx context.Context, tx pgx.Tx, host ident.Host, storage, dataset string) error {
	if storage == "" && dataset == "" {
		return nil
	}
	st, err := storageForDataset(ctx, tx, storage, dataset)
	if err != nil {
		return err
	}
	if dataset != "" {
		return setDataset(ctx, tx, host, st, dataset)
	}
	_, err = tx.Exec(ctx, `update hosts h set storage_id = $3::uuid, dataset = null from groups g
		where g.id = h.group_id and g.name = $1 and h.name = $2`, host.Group, host.Name, st.ID)
	return err
}

// replace moves a host whose dataset is not made yet.
func replace(ctx context.Context, tx pgx.Tx, h Host, e HostEdit) error {
	var storage, dataset string
	if e.Storage != nil {
		storage = *e.Storage
	} else if h.Storage != "" {
		storage = h.Server + ":" + h.Storage
	}
	if e.Dataset != nil {
		dataset = *e.Dataset
	}
	if h.DatasetMade {
		if st, err := storageForDataset(ctx, tx, storage, dataset); err == nil && st.Server == h.Server && st.Dataset == h.Storage && (dataset == "" || dataset == h.Dataset) {
			return nil
		}
		return refusedf("the files of %s are in dataset %s on server %s already: storage and dataset cannot change once the dataset is made", h.Ident(), h.Dataset, h.Server)
	}
	if storage == "" && dataset == "" {
		return nil
	}
	return place(ctx, tx, h.Ident(), storage, dataset)
}

// storageForDataset finds the storage by its name, or by the dataset in it.
func storageForDataset(ctx context.Context, tx pgx.Tx, storage, dataset string) (Storage, error) {
	if storage != "" {
		return findStorage(ctx, tx, storage)
	}
	all, err := rows[Storage](ctx, tx, selectStorage+` where starts_with($1, st.dataset || '/')`, dataset)
	if err != nil {
		return Storage{}, err
	}
	if len(all) == 0 {
		return Storage{}, &NotFoundError{Kind: "storage", Name: "above " + dataset, Hint: "see `planb storage list` for those there are"}
	}
	if len(all) > 1 {
		return Storage{}, refusedf("%d storages hold a dataset %s: name one with --storage, see `planb storage list`", len(all), dataset)
	}
	return all[0], nil
}

// setDataset gives the host a dataset beneath the storage st, unless it is, or
// lies within or around, another host's.
func setDataset(ctx context.Context, tx pgx.Tx, host ident.Host, st Storage, dataset string) error {
	if err := ident.CheckDataset(dataset); err != nil {
		return err
	}
	if !strings.HasPrefix(dataset, st.Dataset+"/") {
		return invalidf("dataset %s is not beneath storage %s: give a path that begins with %s/", dataset, st.Dataset, st.Dataset)
	}
	// One claim at a time on a storage, so that none overlaps unseen.
	if _, err := tx.Exec(ctx, `select 1 from storages where id = $1::uuid for update`, st.ID); err != nil {
		return err
	}
	if err := refuseTaken(ctx, tx, host, st, dataset); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `update hosts h set storage_id = $3::uuid, dataset = $4 from groups g
		where g.id = h.group_id and g.name = $1 and h.name = $2`, host.Group, host.Name, st.ID, dataset)
	return err
}

// refuseTaken refuses a dataset that is, or lies within or around, another
// host's than host's.
func refuseTaken(ctx context.Context, tx pgx.Tx, host ident.Host, st Storage, dataset string) error {
	others, err := rows[struct{ Host, Dataset string }](ctx, tx, `
		select g.name || '/' || h.name as host, h.dataset from hosts h join groups g on g.id = h.group_id
		where h.storage_id = $1::uuid and not (g.name = $2 and h.name = $3)
			and (starts_with(h.dataset || '/', $4 || '/') or starts_with($4 || '/', h.dataset || '/')) limit 1`,
		st.ID, host.Group, host.Name, dataset)
	if err != nil {
		return err
	}
	if len(others) > 0 {
		return refusedf("dataset %s belongs to host %s: give %s another with `planb host edit %s --dataset %s/…`, or another name",
			others[0].Dataset, others[0].Host, host, host, st.Dataset)
	}
	return nil
}
