package catalog

import (
	"context"

	"github.com/jackc/pgx/v5"

	"planb/internal/ident"
)

// CheckRename refuses a new name that a host cannot have: it is taken, be it by
// the host itself, or its group is not there.
func (s *Store) CheckRename(ctx context.Context, h Host, to ident.Host) error {
	if err := to.Check(); err != nil {
		return err
	}
	if h.Ident() == to {
		return refusedf("%s is called that already: give another name", to)
	}
	if _, err := s.Group(ctx, to.Group); err != nil {
		return err
	}
	other, err := s.Host(ctx, to)
	switch {
	case IsNotFound(err):
		return nil
	case err == nil && other.ID != h.ID:
		return hostNameTaken(to)
	}
	return err
}

func hostNameTaken(to ident.Host) error {
	return &ExistsError{Kind: "host", Name: to.String(), Hint: "choose another name"}
}

// DatasetIsFree says whether a dataset is no other host's, nor within or around
// one.
func (s *Store) DatasetIsFree(ctx context.Context, h Host, dataset string) (bool, error) {
	err := s.tx(ctx, func(tx pgx.Tx) error {
		st, err := findStorage(ctx, tx, h.Server+":"+h.Storage)
		if err != nil {
			return err
		}
		return refuseTaken(ctx, tx, h.Ident(), st, dataset)
	})
	if IsRefused(err) {
		return false, nil
	}
	return err == nil, err
}

// RenameHost gives a host another name, in the same group or another one that
// is there, and records where its dataset is from now on; an empty one leaves
// that as it is. It is refused while a run is under way, whose workflow carries
// the old name, or while another run than claimedBy has claimed the host. A
// host that has that name already is a success.
func (s *Store) RenameHost(ctx context.Context, id string, to ident.Host, dataset, claimedBy string) (Host, error) {
	if err := to.Check(); err != nil {
		return Host{}, err
	}
	var h Host
	err := s.tx(ctx, func(tx pgx.Tx) error {
		if err := lockPolicies(ctx, tx); err != nil {
			return err
		}
		old, err := lockHostID(ctx, tx, id)
		if err != nil {
			return err
		}
		if dataset == "" {
			dataset = old.Dataset
		}
		if h = old; old.Ident() == to && old.Dataset == dataset {
			return nil
		}
		if err := refuseChange(ctx, tx, old, claimedBy); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `update hosts set group_id = g.id, name = $3, updated_at = now()
			from groups g where hosts.id = $1::uuid and g.name = $2`, old.ID, to.Group, to.Name)
		if violates(err, codeUniqueViolation, "hosts_group_id_name_key") {
			return hostNameTaken(to)
		}
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return groupNotFound(to.Group)
		}
		if _, err := refreshStandings(ctx, tx, OfHost(to)); err != nil {
			return err
		}
		if dataset != old.Dataset {
			if err := moveDataset(ctx, tx, old, to, dataset); err != nil {
				return err
			}
		}
		detail := map[string]string{"to": to.String(), "dataset": dataset}
		if err := audit(ctx, tx, "host.rename", old.Ident().String(), detail); err != nil {
			return err
		}
		h, err = getHost(ctx, tx, to)
		return err
	})
	return h, err
}

// moveDataset records that the dataset of a host, now called to, is elsewhere
// on its storage.
func moveDataset(ctx context.Context, tx pgx.Tx, old Host, to ident.Host, dataset string) error {
	st, err := findStorage(ctx, tx, old.Server+":"+old.Storage)
	if err != nil {
		return err
	}
	return setDataset(ctx, tx, to, st, dataset)
}

// RemoveHost forgets a host and gives what it was, so that the caller can say
// where the data still is: the dataset is not touched. Its runs stay on
// record. It is refused while a run is under way, or while another run than
// claimedBy has claimed the host.
func (s *Store) RemoveHost(ctx context.Context, id, claimedBy string) (Host, error) {
	var h Host
	err := s.tx(ctx, func(tx pgx.Tx) error {
		var err error
		if h, err = lockHostID(ctx, tx, id); err != nil {
			return err
		}
		if err := refuseChange(ctx, tx, h, claimedBy); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `delete from hosts where id = $1::uuid`, h.ID); err != nil {
			return err
		}
		return audit(ctx, tx, "host.remove", h.Ident().String(), h)
	})
	return h, err
}

// refuseChange refuses to change the name of a host that is in use.
func refuseChange(ctx context.Context, tx pgx.Tx, h Host, claimedBy string) error {
	if err := refuseClaimed(ctx, tx, h, claimedBy); err != nil {
		return err
	}
	run, err := runUnderWay(ctx, tx, h.ID)
	if err != nil || run.ID == "" {
		return err
	}
	return refusedf("%s", underWay(run.Kind, h.Ident().String(), run.ID))
}

// StorageFor gives the storage that a host is, or would be, backed up to. It
// decides nothing.
func (s *Store) StorageFor(ctx context.Context, h Host) (Storage, error) {
	var st Storage
	err := s.tx(ctx, func(tx pgx.Tx) (err error) {
		st, err = storageOf(ctx, tx, h)
		return err
	})
	return st, err
}
