package catalog

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"

	"planb/internal/ident"
	"planb/internal/policy"
)

// Scope is whose settings are meant: the system's, a group's or a host's.
type Scope struct {
	group string
	host  ident.Host
}

// OfSystem is the scope that all groups inherit from.
func OfSystem() Scope { return Scope{} }

// OfGroup is the scope that the group's hosts inherit from.
func OfGroup(name string) Scope { return Scope{group: name} }

// OfHost is the scope of one host.
func OfHost(host ident.Host) Scope { return Scope{host: host} }

// String gives "system", the group or the host.
func (sc Scope) String() string {
	switch {
	case sc.group != "":
		return sc.group
	case !sc.host.IsZero():
		return sc.host.String()
	}
	return "system"
}

// Settings gives what is set at one scope itself, without what it inherits.
func (s *Store) Settings(ctx context.Context, sc Scope) (policy.Settings, error) {
	key, err := keyOf(ctx, s.pool, sc)
	if err != nil {
		return policy.Settings{}, s.explain(err)
	}
	set, err := getSettings(ctx, s.pool, key)
	return set, s.explain(err)
}

// EditSettings lets change alter the settings of one scope. What results must
// be valid.
func (s *Store) EditSettings(ctx context.Context, sc Scope, change func(*policy.Settings) error) error {
	return s.tx(ctx, func(tx pgx.Tx) error { return editSettings(ctx, tx, sc, change) })
}

// Effective gives the settings in force for a host, with where each comes from.
func (s *Store) Effective(ctx context.Context, host ident.Host) (policy.Effective, error) {
	hp, err := s.HostPolicy(ctx, host)
	return hp.Policy, err
}

// GroupEffective gives what the hosts of a group inherit, with where each
// setting comes from.
func (s *Store) GroupEffective(ctx context.Context, group string) (policy.Effective, error) {
	var e policy.Effective
	err := s.snapshot(ctx, func(tx pgx.Tx) error {
		if _, err := getGroup(ctx, tx, group); err != nil {
			return err
		}
		l, err := readLayers(ctx, tx, `p.scope = 'system' or g.name = $1`, group)
		e = policy.Resolve(l.system, l.groups[group], policy.Settings{})
		return err
	})
	return e, err
}

// EffectiveWith gives what would be in force for a host of a group, there
// already or not, that set own itself.
func (s *Store) EffectiveWith(ctx context.Context, group string, own policy.Settings) (policy.Effective, error) {
	var e policy.Effective
	err := s.snapshot(ctx, func(tx pgx.Tx) error {
		l, err := readLayers(ctx, tx, `p.scope = 'system' or g.name = $1`, group)
		e = policy.Resolve(l.system, l.groups[group], own)
		return err
	})
	return e, err
}

// SystemEffective gives what all groups inherit.
func (s *Store) SystemEffective(ctx context.Context) (policy.Effective, error) {
	set, err := s.Settings(ctx, OfSystem())
	return policy.Resolve(set, policy.Settings{}, policy.Settings{}), err
}

// scopeKey is a scope as its row has it.
type scopeKey struct {
	scope           string
	groupID, hostID *string
}

func keyOf(ctx context.Context, q querier, sc Scope) (scopeKey, error) {
	switch {
	case sc.group != "":
		g, err := getGroup(ctx, q, sc.group)
		return scopeKey{scope: "group", groupID: &g.ID}, err
	case !sc.host.IsZero():
		h, err := getHost(ctx, q, sc.host)
		return scopeKey{scope: "host", hostID: &h.ID}, err
	}
	return scopeKey{scope: "system"}, nil
}

func getSettings(ctx context.Context, q querier, k scopeKey) (policy.Settings, error) {
	var text []byte
	var set policy.Settings
	err := q.QueryRow(ctx, `select settings from policies where scope = $1
		and group_id is not distinct from $2::uuid and host_id is not distinct from $3::uuid`,
		k.scope, k.groupID, k.hostID).Scan(&text)
	if noRow(err) {
		return set, nil
	}
	if err != nil {
		return set, err
	}
	return decodeSettings(text, k.scope)
}

func decodeSettings(text []byte, where string) (set policy.Settings, err error) {
	if err := json.Unmarshal(text, &set); err != nil {
		return set, fmt.Errorf("the stored settings of a %s cannot be read: %w", where, err)
	}
	return set, nil
}

func editSettings(ctx context.Context, tx pgx.Tx, sc Scope, change func(*policy.Settings) error) error {
	// The system's row may not be there yet to be locked, so lock the table:
	// settings change by hand, and rarely.
	if err := lockPolicies(ctx, tx); err != nil {
		return err
	}
	key, err := keyOf(ctx, tx, sc)
	if err != nil {
		return err
	}
	set, err := getSettings(ctx, tx, key)
	if err != nil {
		return err
	}
	if err := change(&set); err != nil {
		return err
	}
	return putSettings(ctx, tx, sc, set)
}

func putSettings(ctx context.Context, tx pgx.Tx, sc Scope, set policy.Settings) error {
	if err := set.Validate(); err != nil {
		return err
	}
	text, err := json.Marshal(set)
	if err != nil {
		return fmt.Errorf("settings of %s: %w", sc, err)
	}
	key, err := keyOf(ctx, tx, sc)
	if err != nil {
		return err
	}
	before, err := getSettings(ctx, tx, key)
	if err != nil {
		return err
	}
	if err := CheckServerFiles(ctx, before, set); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `delete from policies where scope = $1
		and group_id is not distinct from $2::uuid and host_id is not distinct from $3::uuid`, key.scope, key.groupID, key.hostID)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `insert into policies (scope, group_id, host_id, settings) values ($1, $2::uuid, $3::uuid, $4)`,
		key.scope, key.groupID, key.hostID, text)
	if err != nil {
		return err
	}
	if _, err := refreshStandings(ctx, tx, sc); err != nil {
		return err
	}
	return audit(ctx, tx, "policy.edit", sc.String(), json.RawMessage(text))
}
