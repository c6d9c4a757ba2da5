package policy

import (
	"strings"
	"time"
)

// A Level is where a value comes from.
type Level string

// The levels, from the weakest to the strongest.
const (
	LevelDefault Level = "default"
	LevelSystem  Level = "system"
	LevelGroup   Level = "group"
	LevelHost    Level = "host"
)

// A Value is a setting in force and where it comes from.
type Value[T any] struct {
	Value T     `json:"value"`
	From  Level `json:"from"`
}

// Effective is the policy in force for a host. Its JSON form is part of the
// payloads of workflows, whose histories are read again by later versions:
// fields are only ever added, and the zero value of a field that an old payload
// lacks means what was done before there was that field. Settings says what
// each field is.
type Effective struct {
	Every      Value[Interval]  `json:"every"`
	Window     Value[Window]    `json:"window"`
	Timezone   Value[string]    `json:"timezone"`
	Keep       Value[Retention] `json:"keep"`
	FloorCount Value[int]       `json:"floor_count"`
	FloorAge   Value[Interval]  `json:"floor_age"`
	Include    Value[[]string]  `json:"include"`
	Exclude    Value[[]string]  `json:"exclude"`
	Flags      Value[[]string]  `json:"flags"`
	User       Value[string]    `json:"user"`
	Port       Value[int]       `json:"port"`
	Sudo       Value[bool]      `json:"sudo"`
	IONice     Value[bool]      `json:"ionice"`
	SSHKey     Value[string]    `json:"ssh_key"`
	JumpHost   Value[string]    `json:"jump_host"`
	// PasswordFile came later: old payloads lack it, and had none.
	PasswordFile Value[string]    `json:"password_file,omitzero"`
	CheckFile    Value[string]    `json:"check_file"`
	Bandwidth    Value[Bandwidth] `json:"bandwidth"`
	StallAfter   Value[Interval]  `json:"stall_after"`
	Tolerate     Value[[]string]  `json:"tolerate"`
	GuardShrink  Value[int]       `json:"guard_shrink"`
	GuardChange  Value[int]       `json:"guard_change"`
	GuardDelete  Value[int]       `json:"guard_delete"`
	NagEvery     Value[Interval]  `json:"nag_every"`
	CatchUp      Value[Interval]  `json:"catch_up"`
	MaxWait      Value[Interval]  `json:"max_wait"`
	// Verification came later: the runs that old payloads are of do none.
	VerifyEvery  Value[Interval] `json:"verify_every,omitzero"`
	VerifySample Value[Sample]   `json:"verify_sample,omitzero"`
	Canaries     Value[[]string] `json:"canaries,omitzero"`
}

// Resolve gives the policy in force for a host: for each setting the value of
// the strongest level that sets it. A list replaces the list above it.
func Resolve(system, group, host Settings) Effective {
	var e Effective
	for _, layer := range []struct {
		level    Level
		settings Settings
	}{
		{LevelDefault, Defaults()},
		{LevelSystem, system},
		{LevelGroup, group},
		{LevelHost, host},
	} {
		for _, f := range table {
			f.resolve(&e, layer.settings, layer.level)
		}
	}
	if e.CatchUp.From == "" {
		e.CatchUp = Value[Interval]{DefaultCatchUp(e.Every.Value), LevelDefault}
	}
	if e.MaxWait.From == "" {
		e.MaxWait = Value[Interval]{DefaultMaxWait(e.Every.Value), LevelDefault}
	}
	return e
}

// Location gives the time zone of the policy. An empty one is UTC. The error
// says that the zone is not known on this machine.
func (e Effective) Location() (*time.Location, error) {
	return loadZone(e.Timezone.Value)
}

// A Field is one setting in force, as text, for a person to read.
type Field struct {
	// Name is the setting's name as in JSON.
	Name string `json:"name"`
	// Values are the entries of a list; for everything else there is one.
	Values []string `json:"values"`
	From   Level    `json:"from"`
	// Help says in a few words what the setting is.
	Help string `json:"help"`
}

// String gives the values between commas.
func (f Field) String() string { return strings.Join(f.Values, ", ") }

// Fields gives all settings in force in the order of Effective.
func (e Effective) Fields() []Field {
	fields := make([]Field, len(table))
	for i, f := range table {
		values, from := f.inForce(e)
		fields[i] = Field{Name: f.name, Values: values, From: from, Help: f.help}
	}
	return fields
}
