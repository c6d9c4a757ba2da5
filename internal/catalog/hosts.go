package catalog

import (
	"context"
	"time"

	"planb/internal/ident"
)

// Transports of a host.
const (
	TransportSSH    = "ssh"
	TransportRsyncd = "rsyncd"
)

// Host is a machine whose files are backed up.
type Host struct {
	ID    string `json:"id"`
	Group string `json:"group"`
	Name  string `json:"name"`
	// Address is a DNS name or IP address, without port.
	Address   string `json:"address"`
	Transport string `json:"transport"`
	// Module is that of the rsync daemon; empty over ssh.
	Module         string `json:"module"`
	Enabled        bool   `json:"enabled"`
	DisabledReason string `json:"disabled_reason"`
	// Server and Storage name the storage; empty until the host has one.
	Server  string `json:"server"`
	Storage string `json:"storage"`
	// Dataset is empty until claimed; DatasetMade says that it is on the pool.
	Dataset     string   `json:"dataset"`
	DatasetMade bool     `json:"dataset_made"`
	HostKeys    []string `json:"host_keys"`
	Notes       string   `json:"notes"`
	Tags        []string `json:"tags"`
	// Measured from the pool; nil before the first time.
	UsedBytes        *int64     `json:"used_bytes"`
	ReferencedBytes  *int64     `json:"referenced_bytes"`
	SnapshotCount    int        `json:"snapshots"`
	MeasuredAt       *time.Time `json:"measured_at"`
	LastGood         *time.Time `json:"last_good"`
	LastGoodSnapshot string     `json:"last_good_snapshot"`
	// LastProven is when files of a snapshot were last restored and found equal.
	LastProven         *time.Time `json:"last_proven"`
	LastProvenSnapshot string     `json:"last_proven_snapshot"`
	// LastVerify is when that was last tried to the end, and LastVerifyState what
	// came of it: one of the Verify constants.
	LastVerify      *time.Time `json:"last_verify"`
	LastVerifyState string     `json:"last_verify_state"`
	CreatedAt       time.Time  `json:"created_at"`
	UpdatedAt       time.Time  `json:"updated_at"`
}

// Ident gives group and name.
func (h Host) Ident() ident.Host { return ident.Host{Group: h.Group, Name: h.Name} }

const hostColumns = `
	h.id::text as id, g.name as "group", h.name, h.address, h.transport, h.module, h.enabled, h.disabled_reason,
	coalesce(s.server, '') as server, coalesce(s.dataset, '') as storage,
	coalesce(h.dataset, '') as dataset, h.dataset_made, h.host_keys, h.notes, h.tags,
	h.used_bytes, h.referenced_bytes, h.snapshot_count, h.measured_at, h.last_good, h.last_good_snapshot,
	h.last_proven, h.last_proven_snapshot, h.last_verify, h.last_verify_state,
	h.created_at, h.updated_at`

const hostTables = ` from hosts h join groups g on g.id = h.group_id left join storages s on s.id = h.storage_id`

const selectHost = `select` + hostColumns + hostTables

// HostFilter narrows a list of hosts; the zero value takes all.
type HostFilter struct {
	Group string
	// Name is that of a host within its group.
	Name string
	Tag  string
	// Enabled takes only hosts that are (true) or are not (false).
	Enabled *bool
	// Server takes only hosts whose storage is there.
	Server string
}

const hostWhere = ` where ($1 = '' or g.name = $1) and ($2 = '' or $2 = any (h.tags))
	and ($3::boolean is null or h.enabled = $3) and ($4 = '' or s.server = $4) and ($5 = '' or h.name = $5)`

func (f HostFilter) args() []any { return []any{f.Group, f.Tag, f.Enabled, f.Server, f.Name} }

// Hosts gives hosts by group and name.
func (s *Store) Hosts(ctx context.Context, f HostFilter) ([]Host, error) {
	found, err := rows[Host](ctx, s.pool, selectHost+hostWhere+` order by g.name, h.name`, f.args()...)
	return found, s.explain(err)
}

// Host gives one host, or a NotFoundError.
func (s *Store) Host(ctx context.Context, host ident.Host) (Host, error) {
	h, err := getHost(ctx, s.pool, host)
	return h, s.explain(err)
}

// HostByID gives the host whose id is given, whatever it is called now.
func (s *Store) HostByID(ctx context.Context, id string) (Host, error) {
	found, err := rows[Host](ctx, s.pool, selectHost+` where h.id::text = $1`, id)
	if err == nil && len(found) == 0 {
		err = &NotFoundError{Kind: "host", Name: "with id " + id, Hint: "it has been removed"}
	}
	if err != nil {
		return Host{}, s.explain(err)
	}
	return found[0], nil
}

func getHost(ctx context.Context, q querier, host ident.Host) (Host, error) {
	return oneHost(ctx, q, host, "")
}

// lockHost gives the host and keeps others from changing it until the
// transaction that q is ends.
func lockHost(ctx context.Context, q querier, host ident.Host) (Host, error) {
	return oneHost(ctx, q, host, " for update of h")
}

func oneHost(ctx context.Context, q querier, host ident.Host, lock string) (Host, error) {
	found, err := rows[Host](ctx, q, selectHost+` where g.name = $1 and h.name = $2`+lock, host.Group, host.Name)
	if err == nil && len(found) == 0 {
		err = hostNotFound(host)
	}
	if err != nil {
		return Host{}, err
	}
	return found[0], nil
}

func hostNotFound(host ident.Host) error {
	return &NotFoundError{Kind: "host", Name: host.String(), Hint: "see `planb host list`, or add it with `planb host add " + host.String() + " --address …`"}
}
