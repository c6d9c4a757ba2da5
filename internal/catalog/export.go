package catalog

import (
	"context"

	"github.com/jackc/pgx/v5"

	"planb/internal/ident"
	"planb/internal/policy"
)

// Exported is what people put into a catalog: enough to make it anew, without
// what runs and measurements added.
type Exported struct {
	// System is the policy that all groups inherit.
	System policy.Settings
	// Groups and Hosts are by name.
	Groups []NewGroup
	Hosts  []NewHost
	// Storages are those that workers have registered, as server:dataset.
	Storages []string
}

// NewGroup is a group with what is set there.
type NewGroup struct {
	Name     string
	Emails   []string
	Notes    string
	Settings policy.Settings
}

// Export gives the whole catalog at one moment.
func (s *Store) Export(ctx context.Context) (out Exported, err error) {
	err = s.snapshot(ctx, func(tx pgx.Tx) (err error) {
		out, err = export(ctx, tx)
		return err
	})
	return out, err
}

func export(ctx context.Context, q querier) (Exported, error) {
	l, err := allSettings(ctx, q)
	if err != nil {
		return Exported{}, err
	}
	out := Exported{System: l.system}
	storages, err := rows[Storage](ctx, q, selectStorage+` order by st.server, st.dataset`)
	if err != nil {
		return Exported{}, err
	}
	for _, st := range storages {
		out.Storages = append(out.Storages, st.Server+":"+st.Dataset)
	}
	groups, err := rows[Group](ctx, q, selectGroup+` order by g.name collate "C"`)
	if err != nil {
		return Exported{}, err
	}
	for _, g := range groups {
		out.Groups = append(out.Groups, NewGroup{Name: g.Name, Emails: g.Emails, Notes: g.Notes, Settings: l.groups[g.Name]})
	}
	hosts, err := rows[Host](ctx, q, selectHost+` order by g.name collate "C", h.name collate "C"`)
	for _, h := range hosts {
		n := NewHost{
			Host: h.Ident(), ID: h.ID, Address: h.Address, Module: h.Module, Dataset: h.Dataset, Notes: h.Notes, Tags: h.Tags,
			HostKeys: h.HostKeys, Settings: l.hosts[h.ID], DisabledReason: h.DisabledReason,
		}
		if h.Storage != "" {
			n.Storage = h.Server + ":" + h.Storage
		}
		if !h.Enabled && n.DisabledReason == "" {
			n.DisabledReason = "disabled"
		}
		out.Hosts = append(out.Hosts, n)
	}
	return out, err
}

// Step is one change among several that are made together.
type Step struct {
	do func(ctx context.Context, tx pgx.Tx) error
}

// SetSystem puts the policy of the system in the place of the one there is.
func SetSystem(to policy.Settings) Step {
	return Step{func(ctx context.Context, tx pgx.Tx) error {
		return editSettings(ctx, tx, OfSystem(), func(s *policy.Settings) error { *s = to; return nil })
	}}
}

// MakeGroup adds a group.
func MakeGroup(g NewGroup) Step {
	return Step{func(ctx context.Context, tx pgx.Tx) error { return addGroup(ctx, tx, g.Name, g.edit()) }}
}

// ChangeGroup gives a group what g has.
func ChangeGroup(g NewGroup) Step {
	return Step{func(ctx context.Context, tx pgx.Tx) error { return editGroup(ctx, tx, g.Name, g.edit()) }}
}

func (g NewGroup) edit() GroupEdit {
	return GroupEdit{Emails: new(orEmpty(g.Emails)), Notes: &g.Notes, Settings: func(s *policy.Settings) error { *s = g.Settings; return nil }}
}

// MakeHost adds a host to a group that is there.
func MakeHost(n NewHost) Step {
	return Step{func(ctx context.Context, tx pgx.Tx) error {
		if err := n.check(); err != nil {
			return err
		}
		return addHost(ctx, tx, n)
	}}
}

// ChangeHost changes a host.
func ChangeHost(host ident.Host, e HostEdit) Step {
	return Step{func(ctx context.Context, tx pgx.Tx) error { return editHost(ctx, tx, host, e) }}
}

// EnableHost enables a host, or disables it for a reason.
func EnableHost(host ident.Host, enabled bool, reason string) Step {
	return Step{func(ctx context.Context, tx pgx.Tx) error { return setEnabled(ctx, tx, host, enabled, reason) }}
}

// Change makes the changes that plan chooses from what the catalog holds, all or
// none. Its errors, and those of plan, leave everything as it was.
func (s *Store) Change(ctx context.Context, plan func(Exported) ([]Step, error)) error {
	return s.tx(ctx, func(tx pgx.Tx) error {
		if err := lockPolicies(ctx, tx); err != nil {
			return err
		}
		is, err := export(ctx, tx)
		if err != nil {
			return err
		}
		steps, err := plan(is)
		if err != nil {
			return err
		}
		for _, step := range steps {
			if err := step.do(ctx, tx); err != nil {
				return err
			}
		}
		return nil
	})
}
