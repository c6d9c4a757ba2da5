package export

import (
	"slices"
	"strings"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
)

func groupDifferences(is, to catalog.NewGroup) []string {
	var out []string
	if !slices.Equal(is.Emails, to.Emails) {
		out = append(out, changed("emails", strings.Join(is.Emails, " "), strings.Join(to.Emails, " ")))
	}
	if is.Notes != to.Notes {
		out = append(out, changed("notes", is.Notes, to.Notes))
	}
	return append(out, differences(is.Settings, to.Settings)...)
}

func hostDifferences(is, to catalog.NewHost) []string {
	var out []string
	for _, f := range []struct {
		name, was, will string
		// stays says that the file need not say it.
		stays bool
	}{
		{"address", addressOf(is), addressOf(to), false},
		{"disabled", is.DisabledReason, to.DisabledReason, false},
		{"storage", is.Storage, to.Storage, true},
		{"dataset", is.Dataset, to.Dataset, true},
		{"tags", strings.Join(is.Tags, " "), strings.Join(to.Tags, " "), false},
		{"host_keys", strings.Join(is.HostKeys, ", "), strings.Join(to.HostKeys, ", "), true},
		{"notes", is.Notes, to.Notes, false},
	} {
		if f.was != f.will && (!f.stays || f.will != "") {
			out = append(out, changed(f.name, f.was, f.will))
		}
	}
	return append(out, differences(is.Settings, to.Settings)...)
}

func addressOf(h catalog.NewHost) string {
	return ident.Address{Host: h.Address, Module: h.Module}.String()
}

// hostSteps makes the host that is is like to.
func hostSteps(is, to catalog.NewHost) []catalog.Step {
	e := catalog.HostEdit{
		Address: &to.Address, Module: &to.Module, Notes: &to.Notes, Tags: new(append([]string{}, to.Tags...)),
		Settings: func(s *policy.Settings) error { *s = to.Settings; return nil },
	}
	if to.HostKeys != nil {
		e.HostKeys = &to.HostKeys
	}
	if to.Storage != "" && to.Storage != is.Storage {
		e.Storage = &to.Storage
	}
	if to.Dataset != "" && to.Dataset != is.Dataset {
		e.Dataset = &to.Dataset
	}
	steps := []catalog.Step{catalog.ChangeHost(to.Host, e)}
	if is.DisabledReason != to.DisabledReason {
		steps = append(steps, catalog.EnableHost(to.Host, to.DisabledReason == "", to.DisabledReason))
	}
	return steps
}
