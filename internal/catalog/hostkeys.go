package catalog

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"
)

// PinHostKeys records the keys seen at the first contact with a host (each a
// key type and its base64 text, as known_hosts has them). Once a host has
// keys, others are refused: a person replaces them through EditHost. Some of
// the pinned ones again are no change.
func (s *Store) PinHostKeys(ctx context.Context, hostID string, keys []string) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		h, err := lockHostID(ctx, tx, hostID)
		if err != nil {
			return err
		}
		switch {
		case among(keys, h.HostKeys):
			return nil
		case len(h.HostKeys) > 0:
			return refusedf("host %s has other keys pinned: if it was reinstalled, forget them with `planb host edit %s --unset host-key`", h.Ident(), h.Ident())
		}
		_, err = tx.Exec(ctx, `update hosts set host_keys = $2, updated_at = now() where id = $1::uuid`, h.ID, keys)
		if err != nil {
			return err
		}
		return audit(ctx, tx, "host.pin_keys", h.Ident().String(), map[string][]string{"keys": keys})
	})
}

// among says whether each of keys is pinned already.
func among(keys, pinned []string) bool {
	return !slices.ContainsFunc(keys, func(k string) bool { return !slices.Contains(pinned, k) })
}
