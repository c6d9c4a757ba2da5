package activities

import (
	"context"
	"errors"
	"fmt"

	"planb/internal/zfs"
)

// roomy is how much room a storage has for one more backup.
type roomy struct {
	// full says why there is too little; low that it gets scarce. Both are
	// sentences, or empty.
	full, low string
}

// room refuses a pool that is not there, puts off one that is nearly full, and
// warns before that.
func (s *Storage) room(ctx context.Context, p Plan) (roomy, error) {
	room, err := s.ZFS.Room(ctx, p.Storage)
	switch {
	case errors.Is(err, zfs.ErrNotExist):
		return roomy{}, permanent(ErrTypeRefused,
			fmt.Sprintf("the storage %s is not there on server %s", p.Storage, p.Server),
			"import its pool (zpool import), or move the host to another storage", err)
	case err != nil:
		return roomy{}, fmt.Errorf("looking at storage %s: %w", p.Storage, err)
	}
	total := room.Used + room.Available
	if total <= 0 {
		return roomy{}, nil
	}
	below := func(percent int) bool { return float64(room.Available)*100 < float64(total)*float64(percent) }
	switch {
	case below(s.FreeStop):
		return roomy{full: fmt.Sprintf("the storage %s is full: less than %d %% free", p.Storage, s.FreeStop)}, nil
	case below(s.FreeWarn):
		return roomy{low: fmt.Sprintf("the storage %s gets full: less than %d %% free", p.Storage, s.FreeWarn)}, nil
	}
	return roomy{}, nil
}
