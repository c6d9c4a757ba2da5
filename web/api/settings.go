package api

import (
	"maps"
	"slices"

	"planb/internal/policy"
	"planb/internal/settings"
	"planb/web/server"
)

// SettingsChange changes settings of a policy. What is left out stays as it is,
// or is inherited.
type SettingsChange struct {
	// Settings are named and written as the flags of planb host add.
	Settings map[string][]string `json:"settings,omitempty"`
	// Unset names settings that are inherited again.
	Unset []string `json:"unset,omitempty"`
}

// put changes settings; only those of the list that flags are made from are
// known, and each checks its values.
func (c SettingsChange) put(set *policy.Settings) error {
	for _, name := range c.Unset {
		f, known := settings.Find(name)
		if !known {
			return noSetting(name)
		}
		if err := set.Unset(f.Name); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(c.Settings)) {
		f, known := settings.Find(name)
		if !known {
			return noSetting(name)
		}
		if err := f.Put(set, c.Settings[name]...); err != nil {
			return server.Invalid(name + ": " + err.Error())
		}
	}
	return nil
}

// change is put, or nil where no setting is changed.
func (c SettingsChange) change() func(*policy.Settings) error {
	if len(c.Settings) == 0 && len(c.Unset) == 0 {
		return nil
	}
	return c.put
}

// check says what is wrong with a change before anything is asked for.
func (c SettingsChange) check() error { return c.put(&policy.Settings{}) }

func noSetting(name string) error {
	return server.Invalid("There is no setting " + name + ": it is named as the flag of planb host add.")
}
