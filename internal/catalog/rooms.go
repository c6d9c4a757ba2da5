package catalog

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"planb/internal/growth"
)

const (
	// hourlyFor is how long each hour's sample of a storage is kept, dailyFor how
	// long the last one of each day.
	hourlyFor = 14 * 24 * time.Hour
	dailyFor  = 2 * 366 * 24 * time.Hour
	// trendOver is how far back a trend looks.
	trendOver = 60 * 24 * time.Hour
)

// sampleStorage keeps how full a storage was, once an hour at most, and thins
// what was kept before.
func sampleStorage(ctx context.Context, tx pgx.Tx, st Storage) error {
	if st.UsedBytes == nil || st.FreeBytes == nil {
		return nil
	}
	var id string
	err := tx.QueryRow(ctx, `select id::text from storages where server = $1 and dataset = $2`, st.Server, st.Dataset).Scan(&id)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		insert into storage_samples as s (storage_id, hour, at, used_bytes, free_bytes)
		values ($1::uuid, date_trunc('hour', $2::timestamptz, 'UTC'), $2, $3, $4)
		on conflict (storage_id, hour) do update set at = excluded.at, used_bytes = excluded.used_bytes, free_bytes = excluded.free_bytes
		where s.at <= excluded.at`, id, st.SeenAt, *st.UsedBytes, *st.FreeBytes)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `
		delete from storage_samples s where storage_id = $1::uuid and (hour < $3 or hour < $2 and exists (
			select from storage_samples later where later.storage_id = s.storage_id and later.hour > s.hour
				and date_trunc('day', later.hour, 'UTC') = date_trunc('day', s.hour, 'UTC')))`,
		id, st.SeenAt.Add(-hourlyFor), st.SeenAt.Add(-dailyFor))
	return err
}

// StorageRoom is a storage with where its room goes.
type StorageRoom struct {
	Storage
	// GrowthPerDay is in bytes; nil when not known yet.
	GrowthPerDay *float64 `json:"growth_bytes_per_day"`
	// FullAt is when it will be full if it goes on like this; nil when not known,
	// or when it does not fill.
	FullAt *time.Time `json:"full_at"`
	// Samples are those of the last two months, the oldest first.
	Samples []growth.Sample `json:"-"`
}

// StorageRooms gives the storages that hold hosts of v, or all that there are
// where v sees everything, by server and dataset.
func (s *Store) StorageRooms(ctx context.Context, v Visible, now time.Time) ([]StorageRoom, error) {
	var list []StorageRoom
	err := s.snapshot(ctx, func(tx pgx.Tx) error {
		found, err := rows[Storage](ctx, tx, selectStorage+` where $1 or exists (select from hosts h join groups g on g.id = h.group_id
			where h.storage_id = st.id and g.name = any ($2::text[])) order by st.server, st.dataset`, v.all, v.names())
		if err != nil {
			return err
		}
		samples, err := storageSamples(ctx, tx, now.Add(-trendOver))
		for _, st := range found {
			room := StorageRoom{Storage: st, Samples: samples[st.ID]}
			trend := growth.Of(room.Samples, now)
			room.GrowthPerDay, room.FullAt = trend.PerDay, trend.FullAt
			list = append(list, room)
		}
		return err
	})
	return list, err
}

// storageSamples gives the samples since a time, by storage.
func storageSamples(ctx context.Context, q querier, since time.Time) (map[string][]growth.Sample, error) {
	found, err := rows[struct {
		StorageID string
		At        time.Time
		Used      int64
		Free      int64
	}](ctx, q, `select storage_id::text as storage_id, at, used_bytes as used, free_bytes as free
		from storage_samples where hour >= $1 order by storage_id, hour`, since)
	samples := map[string][]growth.Sample{}
	for _, f := range found {
		samples[f.StorageID] = append(samples[f.StorageID], growth.Sample{At: f.At, Used: f.Used, Free: f.Free})
	}
	return samples, err
}
