package activities

import (
	"context"
	"fmt"
	"time"

	"planb/internal/catalog"
)

// RegisterInput are the storages of one server, as its worker sees them.
type RegisterInput struct {
	Server string `json:"server"`
	// DataURL is where the server's data service answers.
	DataURL  string        `json:"data_url"`
	Storages []StorageRoom `json:"storages"`
	// PullSlots is how many transfers the server does at once; 0 from workers
	// that do not say.
	PullSlots int       `json:"pull_slots,omitempty"`
	At        time.Time `json:"at"`
}

// HealthMissing is the health of a storage whose dataset or pool is not there.
const HealthMissing = "MISSING"

// Storages looks at the storages that this worker owns. One that is not there
// is reported as MISSING, not left out.
func (s *Storage) Storages(ctx context.Context) []StorageRoom {
	var out []StorageRoom
	for _, parent := range s.Parents {
		room, err := s.storageRoom(ctx, parent)
		if err != nil {
			s.Log.Error("storage is not there", "dataset", parent, "error", err)
			room = StorageRoom{Dataset: parent, Health: HealthMissing}
		}
		out = append(out, room)
	}
	return out
}

// RegisterStorages enters the storages of a server in the catalog.
func (c *Control) RegisterStorages(ctx context.Context, in RegisterInput) error {
	for _, room := range in.Storages {
		st := storageRecord(in.Server, in.DataURL, room, in.At)
		if in.PullSlots > 0 {
			st.PullSlots = &in.PullSlots
		}
		if err := c.Catalog.UpsertStorage(asActor(ctx), st); err != nil {
			return refused(fmt.Sprintf("registering %s", room.Dataset), err)
		}
	}
	return nil
}

// storageRecord is what the catalog keeps of a storage. A DataURL that is
// empty leaves the known one as it is.
func storageRecord(server, dataURL string, room StorageRoom, at time.Time) catalog.Storage {
	st := catalog.Storage{Server: server, Dataset: room.Dataset, DataURL: dataURL, Health: room.Health, SeenAt: at}
	if total := room.Used + room.Free; total > 0 {
		st.SizeBytes, st.UsedBytes, st.FreeBytes = &total, &room.Used, &room.Free
	}
	if s := room.Scrub; s != nil {
		st.ScrubState, st.ScrubAt, st.DataErrors = catalog.Text(s.State), s.At, &s.DataErrors
		if s.At != nil {
			st.ScrubErrors = &s.Errors
		}
	}
	return st
}
