package catalog

import (
	"context"
	"net"
	"strconv"

	"github.com/jackc/pgx/v5"

	"planb/internal/ident"
)

// jumpAddress leaves the user out of [USER@]HOST[:PORT]: a machine has the
// same keys for all of them.
func jumpAddress(jump string) (string, error) {
	j, err := ident.ParseJump(jump)
	if err != nil {
		return "", err
	}
	if j.Port == 0 {
		return j.Host, nil
	}
	return net.JoinHostPort(j.Host, strconv.Itoa(j.Port)), nil
}

// JumpHostKeys gives the pinned keys of the jump host [USER@]HOST[:PORT]; none
// before the first contact.
func (s *Store) JumpHostKeys(ctx context.Context, jump string) ([]string, error) {
	address, err := jumpAddress(jump)
	if err != nil {
		return nil, err
	}
	keys, err := jumpKeys(ctx, s.pool, address)
	return keys, s.explain(err)
}

func jumpKeys(ctx context.Context, q querier, address string) (keys []string, err error) {
	err = q.QueryRow(ctx, `select host_keys from jump_hosts where address = $1`, address).Scan(&keys)
	if noRow(err) {
		return nil, nil
	}
	return keys, err
}

// PinJumpHostKeys records the keys seen at the first contact with a jump host.
// Once it has keys, others are refused: ForgetJumpHostKeys comes first.
func (s *Store) PinJumpHostKeys(ctx context.Context, jump string, keys []string) error {
	address, err := jumpAddress(jump)
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return nil
	}
	return s.tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `insert into jump_hosts (address, host_keys) values ($1, $2) on conflict do nothing`, address, keys)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 1 {
			return audit(ctx, tx, "jump.pin_keys", address, map[string][]string{"keys": keys})
		}
		pinned, err := jumpKeys(ctx, tx, address)
		if err == nil && !among(keys, pinned) {
			return refusedf("jump host %s has other keys pinned: if it was reinstalled, forget them with `planb host edit HOST --unset jump-host-key` for a host behind it", address)
		}
		return err
	})
}

// ForgetJumpHostKeys forgets the pinned keys of a jump host, for all hosts
// behind it; the next contact pins those that it shows then.
func (s *Store) ForgetJumpHostKeys(ctx context.Context, jump string) error {
	address, err := jumpAddress(jump)
	if err != nil {
		return err
	}
	return s.tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `delete from jump_hosts where address = $1`, address)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return audit(ctx, tx, "jump.forget_keys", address, nil)
	})
}
