package activities

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// How long what belongs to a run stays on the storage server: its log for
// people, its result for a Temporal that was away.
const (
	keepLogs    = 400 * 24 * time.Hour
	keepResults = 30 * 24 * time.Hour
)

// CleanRuns removes logs and results of runs that nobody will ask for any
// more, by the time of their last change.
func (s *Storage) CleanRuns() error {
	entries, err := os.ReadDir(s.RunsDir())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var failed []error
	for _, e := range entries {
		keep := keepResults
		if strings.HasSuffix(e.Name(), ".log") {
			keep = keepLogs
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() || s.Now().Sub(info.ModTime()) < keep {
			continue // what is gone meanwhile needs no removing
		}
		if err := os.Remove(filepath.Join(s.RunsDir(), e.Name())); err != nil && !errors.Is(err, os.ErrNotExist) {
			failed = append(failed, err)
		}
	}
	return errors.Join(append(failed, s.cleanRestores())...)
}

// cleanRestores removes what restores left that nobody ended.
func (s *Storage) cleanRestores() error {
	dir := filepath.Join(s.State, "restores")
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		info, infoErr := e.Info()
		if infoErr == nil && s.Now().Sub(info.ModTime()) >= keepResults {
			err = errors.Join(err, os.RemoveAll(filepath.Join(dir, e.Name())))
		}
	}
	return err
}
