package activities

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"planb/internal/rsync"
)

// changesFile holds what those transfers of a run did that were broken off. The
// next one does not see it, and the guards are to count all of it.
func (s *Storage) changesFile(run string) string {
	return filepath.Join(s.RunsDir(), run+".changes.json")
}

// changes gives what transfers of the run that were broken off did.
func (s *Storage) changes(run string) (c rsync.Changes, err error) {
	text, err := os.ReadFile(s.changesFile(run))
	if errors.Is(err, os.ErrNotExist) {
		return c, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &c)
	}
	if err != nil {
		return c, fmt.Errorf("reading what the transfer did before: %w", err)
	}
	return c, nil
}

// addChanges writes down what one more of them did. The caller has the lock of
// the dataset.
func (s *Storage) addChanges(run string, c rsync.Changes) error {
	if c == (rsync.Changes{}) {
		return nil
	}
	before, err := s.changes(run)
	if err != nil {
		return err
	}
	text, err := json.Marshal(before.Plus(c))
	if err != nil {
		return err
	}
	return writeDurably(s.changesFile(run), text)
}
