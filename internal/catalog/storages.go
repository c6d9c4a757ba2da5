package catalog

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"planb/internal/ident"
)

// Storage is one parent dataset on one storage server. Its worker registers it.
type Storage struct {
	ID      string `json:"id"`
	Server  string `json:"server"`
	Dataset string `json:"dataset"`
	// DataURL is where the server's data service answers.
	DataURL string `json:"data_url"`
	// Sizes in bytes; nil when not known.
	SizeBytes *int64 `json:"size_bytes"`
	UsedBytes *int64 `json:"used_bytes"`
	FreeBytes *int64 `json:"free_bytes"`
	// Health is the pool's, in zpool's words, e.g. ONLINE.
	Health string `json:"health"`
	// ScrubState is that of the pool's last scrub, as zfs.Scrub has it; empty when
	// not known. ScrubAt is when the last one that is known was done, and
	// ScrubErrors what it found; DataErrors is how much the pool knows to be lost.
	ScrubState  Text       `json:"scrub_state"`
	ScrubAt     *time.Time `json:"scrub_at"`
	ScrubErrors *int64     `json:"scrub_errors"`
	DataErrors  *int64     `json:"data_errors"`
	SeenAt      time.Time  `json:"seen_at"`
	Hosts       int        `json:"hosts"`
	// PullSlots is how many transfers its server does at once; nil when its
	// worker did not say.
	PullSlots *int `json:"pull_slots"`
}

const selectStorage = `
	select st.id::text as id, st.server, st.dataset, st.data_url, st.size_bytes, st.used_bytes, st.free_bytes,
		st.health, st.scrub_state, st.scrub_at, st.scrub_errors, st.data_errors, st.seen_at, st.pull_slots,
		(select count(*) from hosts h where h.storage_id = st.id)::int as hosts
	from storages st`

// UpsertStorage records a storage as its worker saw it just now (SeenAt). An
// empty DataURL leaves the known one.
func (s *Store) UpsertStorage(ctx context.Context, st Storage) error {
	if err := ident.CheckServer(st.Server); err != nil {
		return err
	}
	if err := ident.CheckDataset(st.Dataset); err != nil {
		return err
	}
	return s.tx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			insert into storages as st (server, dataset, data_url, size_bytes, used_bytes, free_bytes, health, seen_at,
				pull_slots, scrub_state, scrub_at, scrub_errors, data_errors)
			values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
			on conflict (server, dataset) do update set data_url = coalesce(nullif(excluded.data_url, ''), st.data_url),
				size_bytes = excluded.size_bytes, used_bytes = excluded.used_bytes, free_bytes = excluded.free_bytes,
				health = excluded.health, seen_at = excluded.seen_at, pull_slots = coalesce(excluded.pull_slots, st.pull_slots),
				data_errors = excluded.data_errors,
				-- One that is under way hides the last one that was done.
				scrub_state = coalesce(nullif(excluded.scrub_state, ''), st.scrub_state),
				scrub_at = coalesce(excluded.scrub_at, st.scrub_at),
				scrub_errors = case when excluded.scrub_at is null then st.scrub_errors else excluded.scrub_errors end
			where st.seen_at <= excluded.seen_at or st.seen_at > now() + interval '`+clockSlack+`'`,
			st.Server, st.Dataset, st.DataURL, st.SizeBytes, st.UsedBytes, st.FreeBytes, st.Health, st.SeenAt, st.PullSlots,
			st.ScrubState, st.ScrubAt, st.ScrubErrors, st.DataErrors)
		if err != nil {
			return err
		}
		return sampleStorage(ctx, tx, st)
	})
}

// Storages gives all storages by server and dataset.
func (s *Store) Storages(ctx context.Context) ([]Storage, error) {
	found, err := rows[Storage](ctx, s.pool, selectStorage+` order by st.server, st.dataset`)
	return found, s.explain(err)
}

// Storage gives the storage called "dataset" or "server:dataset".
func (s *Store) Storage(ctx context.Context, name string) (Storage, error) {
	st, err := findStorage(ctx, s.pool, name)
	return st, s.explain(err)
}

func findStorage(ctx context.Context, q querier, name string) (Storage, error) {
	found, err := rows[Storage](ctx, q, selectStorage+` where st.server || ':' || st.dataset = $1 or st.dataset = $1`, name)
	if err != nil {
		return Storage{}, err
	}
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return Storage{}, &NotFoundError{
			Kind: "storage", Name: name,
			Hint: "see `planb storage list`; a storage server's worker registers those of its planb.yaml when it starts",
		}
	}
	return Storage{}, refusedf("%d servers have a storage %s: write it as server:%s", len(found), name, name)
}

// RemoveStorage forgets a storage that no host's files are on; what is on its
// pool is not touched. A worker that still has it registers it again.
func (s *Store) RemoveStorage(ctx context.Context, name string) (Storage, error) {
	var st Storage
	err := s.tx(ctx, func(tx pgx.Tx) (err error) {
		if st, err = findStorage(ctx, tx, name); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `select 1 from storages where id = $1::uuid for update`, st.ID); err != nil {
			return err
		}
		hosts, err := rows[struct{ Host string }](ctx, tx, `select g.name || '/' || h.name as host from hosts h
			join groups g on g.id = h.group_id where h.storage_id = $1::uuid order by 1`, st.ID)
		if err != nil {
			return err
		}
		if len(hosts) > 0 {
			which := hosts[0].Host
			if len(hosts) > 1 {
				which += fmt.Sprintf(" and %d more", len(hosts)-1)
			}
			return refusedf("%s:%s is the storage of %s: remove them, or give those without data another with `planb host edit HOST --storage …`",
				st.Server, st.Dataset, which)
		}
		if _, err := tx.Exec(ctx, `delete from storages where id = $1::uuid`, st.ID); err != nil {
			return err
		}
		return audit(ctx, tx, "storage.remove", st.Server+":"+st.Dataset, st)
	})
	return st, err
}
