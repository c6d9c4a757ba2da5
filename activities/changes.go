package activities

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"planb/internal/rsync"
)

// changesFile holds what transfers did to a host's dataset since its newest
// snapshot, in runs of before as well as in this one. The next transfer does not
// see it, and the guards are to count all of it.
//
// A file that changes, or goes and comes back, in several runs that fail counts
// in each of them. That asks a person once too often; the other way round, a
// disaster that comes in halves would pass for two small changes.
func (s *Storage) changesFile(p Plan) string { return filepath.Join(s.hostDir(p), "changes.json") }

// changes gives what was done since the newest snapshot.
func (s *Storage) changes(p Plan) (c rsync.Changes, err error) {
	text, err := os.ReadFile(s.changesFile(p))
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return c, fmt.Errorf("reading what transfers did before: %w", err)
	}
	return c, nil
}

// addChanges writes down what one more of them did. The caller has the lock of
// the dataset.
func (s *Storage) addChanges(p Plan, c rsync.Changes) error {
	if c == (rsync.Changes{}) {
		return nil
	}
	before, err := s.changes(p)
	if err != nil {
		return err
	}
	text, err := json.Marshal(before.Plus(c))
	if err != nil {
		return err
	}
	return writeDurably(s.changesFile(p), text)
}

// forgetChanges says that a snapshot has what was done until now; what its run
// counted is on record. The caller has the lock of the dataset.
func (s *Storage) forgetChanges(p Plan) error {
	err := os.Remove(s.changesFile(p))
	if err == nil || errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("forgetting what transfers did before the snapshot: %w", err)
}
