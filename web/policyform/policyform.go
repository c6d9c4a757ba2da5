// Package policyform shows the settings of a policy, and lets people change
// them in a form: for the system, a group or a host. A field that is left empty
// inherits; what is inherited stands in it as a hint.
package policyform

import (
	"errors"
	"net/url"
	"slices"
	"strings"

	"planb/internal/policy"
	"planb/internal/settings"
	"planb/web/ui"
)

// Form is the settings of one scope while they are edited.
type Form struct {
	Sections []Section
}

// Section is some fields that belong together.
type Section struct {
	Title  string
	Fields []Field
}

// Field is one setting.
type Field struct {
	Setting settings.Setting
	Label   string
	// Value is what the scope itself sets, a list one entry a line; empty for
	// what it inherits, and for None.
	Value string
	// None says that the scope sets it to nothing, which is not to inherit:
	// no exclude at all, or no window.
	None bool
	// Inherited is what holds without a value here, and From where that is from.
	Inherited string
	From      policy.Level
	// Help says what the setting is, Example how it is written; may be empty.
	Help, Example string
	// Was is what the field stood at when the form was shown, so that only what
	// its reader changed is changed.
	Was string
	// Error is why the value was refused.
	Error string
	// Locked says that this reader only looks at it.
	Locked bool
}

// sections order the settings for people; a test keeps them complete.
var sections = []struct {
	title string
	names []string
}{
	{"When", []string{"every", "window", "timezone", "catch_up", "max_wait"}},
	{"What", []string{"include", "exclude", "check_file", "tolerate"}},
	{"How long it is kept", []string{"keep", "floor_count", "floor_age"}},
	{"How the host is reached", []string{"user", "port", "sudo", "ssh_key", "jump_host", "password_file"}},
	{"Transfer", []string{"bandwidth", "stall_after", "ionice", "flags"}},
	{"Guards", []string{"guard_shrink", "guard_change", "guard_delete"}},
	{"Verification", []string{"verify_every", "verify_sample", "canaries"}},
	{"Notices", []string{"nag_every"}},
}

// labels are the names of settings on pages.
var labels = map[string]string{
	"every": "Every", "window": "Window", "timezone": "Time zone", "catch_up": "Catch up", "max_wait": "Longest wait",
	"include": "Paths", "exclude": "Left out", "check_file": "File to check", "tolerate": "Tolerated failures",
	"keep": "Keep", "floor_count": "Floor, count", "floor_age": "Floor, age",
	"user": "Login", "port": "Port", "sudo": "sudo", "ssh_key": "ssh key", "jump_host": "Jump host", "password_file": "Password file",
	"bandwidth": "Bandwidth", "stall_after": "Stalled after", "ionice": "Idle reads only", "flags": "rsync flags",
	"guard_shrink": "Shrinks by %", "guard_change": "Changed %", "guard_delete": "Deleted %",
	"verify_every": "Verify every", "verify_sample": "Sample", "canaries": "Canaries", "nag_every": "Repeat every",
}

// Label is what pages call a setting.
func Label(name string) string {
	if l, ok := labels[name]; ok {
		return l
	}
	return name
}

// examples show how values are written.
var examples = map[string]string{
	"every": "`1d`, `12h`, `1w`", "window": "`22:00-06:00`, `mon-fri 22:00-06:00; sat,sun 00:00-24:00`", "timezone": "`Europe/Amsterdam`",
	"catch_up": "`20h`", "max_wait": "`2d`", "keep": "`16d,4w,12m,2y`, each with h, d, w, m or y", "floor_age": "`30d`",
	"include": "`/etc`, one on a line", "exclude": "`*.tmp`, `/var/cache/*`, one on a line", "check_file": "`/srv/data/mounted`",
	"tolerate": "`/var/lib/mysql/*`, one on a line", "flags": "`--one-file-system`, one on a line", "jump_host": "`backup@gate.example:22`",
	"bandwidth": "`10M`, `10M; 08:00-18:00 2M`", "stall_after": "`30m`", "verify_every": "`30d`",
	"verify_sample": "`random=50,largest=5,bytes=2G`, `all`", "canaries": "`/etc/hostname`, one on a line", "nag_every": "`1d`",
}

// canBeNone are single settings whose empty text is a value of its own.
var canBeNone = map[string]string{
	"window": "always", "check_file": "no file", "ssh_key": "the server's own key", "jump_host": "none, directly", "password_file": "none",
}

// NoneLabel says what an empty value of the field means; empty when there is no such.
func (f Field) NoneLabel() string {
	if f.Setting.Kind == settings.List {
		return "none at all"
	}
	return canBeNone[f.Setting.Name]
}

// Input is the name of the field in the form, and the beginning of its id.
func (f Field) Input() string { return "p-" + f.Setting.Name }

// state is what Was holds.
func (f Field) state() string {
	switch {
	case f.None:
		return "none"
	case f.Value != "":
		return "own:" + f.Value
	}
	return ""
}

// New gives the form for what a scope sets itself; above is what it inherits.
func New(own policy.Settings, above policy.Effective) Form {
	mine, inherited := fields(policy.Resolve(policy.Settings{}, policy.Settings{}, own)), below(above, own.Every)
	return build(inherited, func(f *Field) {
		if m := mine[f.Setting.Name]; m.From == policy.LevelHost {
			f.Value = strings.Join(m.Values, "\n")
			f.None = f.Value == ""
		}
		f.Was = f.state()
	})
}

// below gives what is inherited by a scope that sets every, nil for not: some
// settings follow from it as long as nobody sets them.
func below(above policy.Effective, every *policy.Interval) map[string]policy.Field {
	if every != nil && above.CatchUp.From == policy.LevelDefault {
		above.CatchUp.Value = policy.DefaultCatchUp(*every)
	}
	if every != nil && above.MaxWait.From == policy.LevelDefault {
		above.MaxWait.Value = policy.DefaultMaxWait(*every)
	}
	return fields(above)
}

func fields(e policy.Effective) map[string]policy.Field {
	all := map[string]policy.Field{}
	for _, f := range e.Fields() {
		all[f.Name] = f
	}
	return all
}

func build(inherited map[string]policy.Field, fill func(*Field)) Form {
	var form Form
	for _, s := range sections {
		section := Section{Title: s.title}
		for _, name := range s.names {
			set, known := settings.Find(name)
			if !known {
				continue
			}
			up := inherited[name]
			f := Field{Setting: set, Label: Label(name), Help: help(up.Help), Example: examples[name], Inherited: show(up), From: up.From}
			fill(&f)
			section.Fields = append(section.Fields, f)
		}
		form.Sections = append(form.Sections, section)
	}
	return form
}

// help is what a setting is, without what an empty value of it means on the
// command line: in a form it inherits.
func help(text string) string {
	text, _, _ = strings.Cut(text, "; empty is ")
	return text
}

// For locks the fields that name files on the storage server where the reader
// may not change them.
func (form Form) For(maySetServerFiles bool) Form {
	for _, s := range form.Sections {
		for i, f := range s.Fields {
			s.Fields[i].Locked = !maySetServerFiles && slices.Contains(policy.ServerFiles(), f.Setting.Name)
		}
	}
	return form
}

// Read reads the form as it was sent. The form it gives shows the same values
// again, with what is wrong beside them; ok says that nothing is. Change makes
// the changes that the reader made, and leaves what others changed meanwhile.
func Read(sent url.Values, above policy.Effective) (form Form, change func(*policy.Settings) error, ok bool) {
	var own policy.Settings
	if every := strings.TrimSpace(sent.Get("p-every")); every != "" {
		_ = own.Set("every", every) // what is wrong with it is told beside it
	}
	ok = true
	form = build(below(above, own.Every), func(f *Field) {
		f.Value = text(sent.Get(f.Input()), f.Setting.Kind)
		f.None = f.Value == "" && f.NoneLabel() != "" && sent.Get(f.Input()+"-none") != ""
		f.Was = strings.ReplaceAll(sent.Get(f.Input()+"-was"), "\r\n", "\n")
		var refused *policy.Error
		if err := f.put(&policy.Settings{}); errors.As(err, &refused) {
			f.Error, ok = refused.Reason, false
		} else if err != nil {
			f.Error, ok = err.Error(), false
		}
	})
	return form, form.apply, ok
}

// apply changes the fields that the reader changed.
func (form Form) apply(set *policy.Settings) error {
	for _, s := range form.Sections {
		for _, f := range s.Fields {
			if f.state() == f.Was {
				continue
			}
			if err := f.put(set); err != nil {
				return err
			}
		}
	}
	return nil
}

// put sets or unsets the field in set.
func (f Field) put(set *policy.Settings) error {
	switch {
	case f.None && f.Setting.Kind == settings.List:
		return f.Setting.Put(set)
	case f.None:
		return f.Setting.Put(set, "")
	case f.Value == "":
		return set.Unset(f.Setting.Name)
	case f.Setting.Kind == settings.List:
		return f.Setting.Put(set, strings.Split(f.Value, "\n")...)
	}
	return f.Setting.Put(set, f.Value)
}

// text brings what a browser sent to one form: lists have their entries on
// lines, of which empty ones are dropped.
func text(s string, kind settings.Kind) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	if kind != settings.List {
		return strings.TrimSpace(s)
	}
	var lines []string
	for line := range strings.SplitSeq(s, "\n") {
		if strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, "\n")
}

// show gives the values of a setting in one line.
func show(f policy.Field) string {
	if s := f.String(); s != "" {
		return s
	}
	if s, known := settings.Find(f.Name); known && s.Kind != settings.List {
		if none := canBeNone[f.Name]; none != "" {
			return none
		}
	}
	return "none"
}

// Own gives the settings that a scope sets itself.
func Own(set policy.Settings) []policy.Field {
	var own []policy.Field
	for _, f := range policy.Resolve(policy.Settings{}, policy.Settings{}, set).Fields() {
		if f.From == policy.LevelHost {
			own = append(own, f)
		}
	}
	return own
}

// Show gives the values of a setting in one line; an empty one says what that
// means.
func Show(f policy.Field) string { return show(f) }

var levelTones = map[policy.Level]ui.Tone{
	policy.LevelDefault: ui.Neutral, policy.LevelSystem: ui.Busy, policy.LevelGroup: ui.Good, policy.LevelHost: ui.Warn,
}
