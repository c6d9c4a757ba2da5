package catalog

import (
	"context"

	"planb/internal/ident"
	"planb/internal/policy"
)

// OwnSettings is what one group or host sets itself.
type OwnSettings struct {
	Group string
	// Host is zero for the settings of the group.
	Host     ident.Host
	Settings policy.Settings
}

// AllOwnSettings gives what the groups and hosts of v set themselves: groups by
// name, then hosts by group and name. Those that set nothing are left out.
func (s *Store) AllOwnSettings(ctx context.Context, v Visible) ([]OwnSettings, error) {
	found, err := rows[struct {
		Group, Name, Scope string
		Settings           []byte
	}](ctx, s.pool, `
		select g.name as "group", coalesce(h.name, '') as name, p.scope, p.settings
		from policies p left join hosts h on h.id = p.host_id join groups g on g.id = coalesce(p.group_id, h.group_id)
		where p.settings <> '{}' and ($1 or g.name = any ($2::text[]))
		order by p.scope, g.name, h.name`, v.all, v.names())
	if err != nil {
		return nil, s.explain(err)
	}
	var list []OwnSettings
	for _, f := range found {
		set, err := decodeSettings(f.Settings, f.Scope)
		if err != nil {
			return nil, err
		}
		o := OwnSettings{Group: f.Group, Settings: set}
		if f.Scope == "host" {
			o.Host = ident.Host{Group: f.Group, Name: f.Name}
		}
		if !set.IsZero() {
			list = append(list, o)
		}
	}
	return list, nil
}
