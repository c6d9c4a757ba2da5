package catalog

import (
	"context"

	"github.com/jackc/pgx/v5"

	"planb/internal/policy"
)

// layers are the settings of all levels, to resolve many hosts at once.
type layers struct {
	system policy.Settings
	// groups by name, hosts by id.
	groups, hosts map[string]policy.Settings
}

func allSettings(ctx context.Context, q querier) (layers, error) {
	return readLayers(ctx, q, `true`)
}

// effective resolves the settings of one host.
func effective(ctx context.Context, q querier, h Host) (policy.Effective, error) {
	l, err := readLayers(ctx, q, `p.scope = 'system' or g.name = $1 or p.host_id = $2::uuid`, h.Group, h.ID)
	return l.effective(h), err
}

func readLayers(ctx context.Context, q querier, where string, args ...any) (layers, error) {
	l := layers{groups: map[string]policy.Settings{}, hosts: map[string]policy.Settings{}}
	found, err := rows[struct {
		Scope, Key string
		Settings   []byte
	}](ctx, q, `select p.scope, coalesce(g.name, p.host_id::text, '') as key, p.settings
		from policies p left join groups g on g.id = p.group_id where `+where, args...)
	if err != nil {
		return l, err
	}
	for _, r := range found {
		set, err := decodeSettings(r.Settings, r.Scope)
		if err != nil {
			return l, err
		}
		switch r.Scope {
		case "group":
			l.groups[r.Key] = set
		case "host":
			l.hosts[r.Key] = set
		default:
			l.system = set
		}
	}
	return l, nil
}

func (l layers) effective(h Host) policy.Effective {
	return policy.Resolve(l.system, l.groups[h.Group], l.hosts[h.ID])
}

// snapshot runs read on one state of the whole catalog.
func (s *Store) snapshot(ctx context.Context, read func(tx pgx.Tx) error) error {
	return s.explain(pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, read))
}
