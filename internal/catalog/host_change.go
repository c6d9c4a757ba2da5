package catalog

import (
	"context"

	"github.com/jackc/pgx/v5"

	"planb/internal/ident"
	"planb/internal/policy"
)

// NewHost is what AddHost needs; only Host and Address must be given.
type NewHost struct {
	Host    ident.Host `json:"host"`
	Address string     `json:"address"`
	// Module makes it a host with an rsync daemon.
	Module string `json:"module,omitempty"`
	// Storage is "dataset" or "server:dataset"; empty takes the only one there
	// is, at the first backup if none is there yet.
	Storage string `json:"storage,omitempty"`
	// Dataset keeps a path from elsewhere; empty means <parent>/<group>/<name>.
	Dataset  string          `json:"dataset,omitempty"`
	Notes    string          `json:"notes,omitempty"`
	Tags     []string        `json:"tags,omitempty"`
	HostKeys []string        `json:"host_keys,omitempty"`
	Settings policy.Settings `json:"settings"`
	// DisabledReason, when set, adds the host disabled.
	DisabledReason string `json:"disabled_reason,omitempty"`
	// ID is that of the host in an export, which its datasets carry; empty makes a
	// new one.
	ID string `json:"id,omitempty"`
	// AddGroup adds the group with the host if it is not there.
	AddGroup bool `json:"-"`
}

// AddHost adds a host to a group, which must be there unless n.AddGroup.
func (s *Store) AddHost(ctx context.Context, n NewHost) (Host, error) {
	if err := n.check(); err != nil {
		return Host{}, err
	}
	var h Host
	err := s.tx(ctx, func(tx pgx.Tx) (err error) {
		if err := addHost(ctx, tx, n); err != nil {
			return err
		}
		h, err = getHost(ctx, tx, n.Host)
		return err
	})
	return h, err
}

// addHost adds a host that was checked.
func addHost(ctx context.Context, tx pgx.Tx, n NewHost) error {
	if err := lockPolicies(ctx, tx); err != nil {
		return err
	}
	if n.AddGroup {
		if _, err := ensureGroup(ctx, tx, n.Host.Group); err != nil {
			return err
		}
	}
	var groupID string
	err := tx.QueryRow(ctx, `select id::text from groups where name = $1 for share`, n.Host.Group).Scan(&groupID)
	if noRow(err) {
		return groupNotFound(n.Host.Group)
	}
	if err != nil {
		return err
	}
	var id string
	err = tx.QueryRow(ctx, `
		insert into hosts (id, group_id, name, address, transport, module, enabled, disabled_reason, notes, tags, host_keys)
		values (coalesce(nullif($11, '')::uuid, gen_random_uuid()), $1::uuid, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		on conflict (group_id, name) do nothing returning id::text`,
		groupID, n.Host.Name, n.Address, transportOf(n.Module), n.Module, n.DisabledReason == "", n.DisabledReason,
		n.Notes, orEmpty(n.Tags), orEmpty(n.HostKeys), n.ID).Scan(&id)
	if noRow(err) {
		return &ExistsError{Kind: "host", Name: n.Host.String(), Hint: "change it with `planb host edit " + n.Host.String() + "`"}
	}
	if err != nil {
		return err
	}
	if err := place(ctx, tx, n.Host, n.Storage, n.Dataset); err != nil {
		return err
	}
	if err := putSettings(ctx, tx, OfHost(n.Host), n.Settings); err != nil {
		return err
	}
	return audit(ctx, tx, "host.add", n.Host.String(), n)
}

func (n NewHost) check() error {
	if err := n.Host.Check(); err != nil {
		return err
	}
	if err := checkAddress(n.Address, n.Module); err != nil {
		return err
	}
	return n.Settings.Validate()
}

func checkAddress(address, module string) error {
	return ident.CheckAddress(ident.Address{Host: address, Module: module}.String())
}

func transportOf(module string) string {
	if module != "" {
		return TransportRsyncd
	}
	return TransportSSH
}

// orEmpty makes an empty array of nil: the columns know no null.
func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// HostEdit holds what to change of a host; nil leaves as it is.
type HostEdit struct {
	Address *string `json:"address,omitempty"`
	// Module set to "" makes it a host that is reached over ssh.
	Module *string `json:"module,omitempty"`
	// Storage and Dataset may change until the dataset is made.
	Storage  *string   `json:"storage,omitempty"`
	Dataset  *string   `json:"dataset,omitempty"`
	Notes    *string   `json:"notes,omitempty"`
	Tags     *[]string `json:"tags,omitempty"`
	HostKeys *[]string `json:"host_keys,omitempty"`
	// Settings changes the host's own settings in place.
	Settings func(*policy.Settings) error `json:"-"`
}

// EditHost changes what e sets, all of it or nothing.
func (s *Store) EditHost(ctx context.Context, host ident.Host, e HostEdit) (Host, error) {
	var h Host
	err := s.tx(ctx, func(tx pgx.Tx) (err error) {
		if err := editHost(ctx, tx, host, e); err != nil {
			return err
		}
		h, err = getHost(ctx, tx, host)
		return err
	})
	return h, err
}

func editHost(ctx context.Context, tx pgx.Tx, host ident.Host, e HostEdit) error {
	if e.Settings != nil {
		if err := lockPolicies(ctx, tx); err != nil {
			return err
		}
	}
	old, err := lockHost(ctx, tx, host)
	if err != nil {
		return err
	}
	address, module := old.Address, old.Module
	if e.Address != nil {
		address = *e.Address
	}
	if e.Module != nil {
		module = *e.Module
	}
	if err := checkAddress(address, module); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		update hosts set address = $2, transport = $3, module = $4, notes = coalesce($5, notes),
			tags = coalesce($6, tags), host_keys = coalesce($7, host_keys), updated_at = now()
		where id = $1::uuid`, old.ID, address, transportOf(module), module, e.Notes, e.Tags, e.HostKeys)
	if err != nil {
		return err
	}
	if e.Storage != nil || e.Dataset != nil {
		if err := replace(ctx, tx, old, e); err != nil {
			return err
		}
	}
	if e.Settings != nil {
		if err := editSettings(ctx, tx, OfHost(host), e.Settings); err != nil {
			return err
		}
	}
	return audit(ctx, tx, "host.edit", host.String(), e)
}

// SetEnabled enables a host, or disables it with a reason, which is told.
func (s *Store) SetEnabled(ctx context.Context, host ident.Host, enabled bool, reason string) (Host, error) {
	var h Host
	err := s.tx(ctx, func(tx pgx.Tx) (err error) {
		if err := setEnabled(ctx, tx, host, enabled, reason); err != nil {
			return err
		}
		h, err = getHost(ctx, tx, host)
		return err
	})
	return h, err
}

func setEnabled(ctx context.Context, tx pgx.Tx, host ident.Host, enabled bool, reason string) error {
	action := "host.disable"
	if enabled {
		action, reason = "host.enable", ""
	}
	old, err := lockHost(ctx, tx, host)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `update hosts set enabled = $2, disabled_reason = $3, updated_at = now(),
		enabled_at = case when $2 and not enabled then now() else enabled_at end where id = $1::uuid`,
		old.ID, enabled, reason)
	if err != nil {
		return err
	}
	if old.Enabled != enabled {
		if err := tellEnabled(ctx, tx, old, enabled, reason); err != nil {
			return err
		}
	}
	return audit(ctx, tx, action, host.String(), map[string]string{"reason": reason})
}
