// Package zabbix writes down for Zabbix's agent what its discovery and its items
// need, so that the agent needs no right to the catalog and costs it nothing.
package zabbix

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"planb/internal/catalog"
	"planb/internal/policy"
)

// Row is an enabled host as a discovery rule takes it. What a discovery leaves
// alone, items are made from.
type Row struct {
	// ID stays the same when the host is renamed.
	ID string `json:"{#ID}"`
	// Name is group/name.
	Name string `json:"{#NAME}"`
	// ETAMax is the age in seconds of the last good snapshot from which on the host
	// is late.
	ETAMax string `json:"{#ETA_MAX}"`
	// PlanB is the storage server that backs the host up.
	PlanB string `json:"{#PLANB}"`
	// Latest is the time of the last good snapshot, in seconds since 1970; 0 when
	// there is none.
	Latest int64         `json:"latest"`
	Health policy.Health `json:"health"`
	// Overdue is 1 when the host has had no good snapshot within its schedule and
	// grace, since it was added or enabled.
	Overdue int `json:"overdue"`
	// Key is the id again, under a name that JSONPath takes.
	Key string `json:"id"`
}

// Document is what a discovery rule reads, with the time that it is of.
type Document struct {
	Data []Row     `json:"data"`
	At   time.Time `json:"at"`
}

// Of makes a document of all enabled hosts.
func Of(hosts []catalog.HostMeasure, now time.Time) Document {
	d := Document{Data: []Row{}, At: now.UTC()}
	for _, h := range hosts {
		if h.Health == policy.HealthPaused {
			continue
		}
		d.Data = append(d.Data, Row{
			ID: h.ID, Name: h.Ident().String(), ETAMax: strconv.FormatInt(int64(h.LateAge.Seconds()), 10), PlanB: h.Server,
			Latest: latest(h.LastGood), Health: h.Health, Overdue: overdue(h, now), Key: h.ID,
		})
	}
	return d
}

func overdue(h catalog.HostMeasure, now time.Time) int {
	since := h.Since
	if h.LastGood != nil && h.LastGood.After(since) {
		since = *h.LastGood
	}
	if age := now.Sub(since); age > h.LateAge || h.LastGood != nil && policy.IsFuture(*h.LastGood, now) {
		return 1
	}
	return 0
}

// latest is a time in seconds since 1970, 0 for none.
func latest(at *time.Time) int64 {
	if at == nil {
		return 0
	}
	return at.Unix()
}

// Find gives the host of that id.
func (d Document) Find(id string) (Row, bool) {
	for _, r := range d.Data {
		if r.ID == id {
			return r, true
		}
	}
	return Row{}, false
}

// Stale is the age from which on a file is not believed: `planb control` writes
// it every minute.
const Stale = 10 * time.Minute

// Read reads the file at path. One that nobody keeps fresh is an error: what it
// says is no longer so.
func Read(path string, now time.Time) (Document, error) {
	var d Document
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return d, fmt.Errorf("%s is not there: set metrics.zabbix_file for planb control, which writes it", path)
	}
	if err != nil {
		return d, fmt.Errorf("cannot read what planb control wrote for Zabbix: %w", err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return d, fmt.Errorf("%s is not what planb control writes: %w", path, err)
	}
	if age := now.Sub(d.At); age > Stale {
		return d, fmt.Errorf("%s is %s old: see whether planb control runs", path, age.Round(time.Second))
	}
	return d, nil
}

// write replaces the file at path, readable for all: it holds names and times.
func write(path string, d Document) error {
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
