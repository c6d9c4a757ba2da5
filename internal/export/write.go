package export

import (
	"encoding/json"
	"fmt"

	"github.com/goccy/go-yaml"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
)

// The form of a file; read.go knows the same keys.
type fileForm struct {
	Planb  int             `json:"planb"`
	Policy policy.Settings `json:"policy"`
	Groups []groupForm     `json:"groups"`
	Hosts  []hostForm      `json:"hosts"`
}

type groupForm struct {
	Group  string           `json:"group"`
	Emails []string         `json:"emails,omitempty"`
	Notes  string           `json:"notes,omitempty"`
	Policy *policy.Settings `json:"policy,omitempty"`
}

type hostForm struct {
	Host     string           `json:"host"`
	ID       string           `json:"id,omitempty"`
	Address  string           `json:"address"`
	Disabled string           `json:"disabled,omitempty"`
	Storage  string           `json:"storage,omitempty"`
	Dataset  string           `json:"dataset,omitempty"`
	Tags     []string         `json:"tags,omitempty"`
	HostKeys []string         `json:"host_keys,omitempty"`
	Notes    string           `json:"notes,omitempty"`
	Policy   *policy.Settings `json:"policy,omitempty"`
}

// JSON writes a catalog, in an order that stays from one time to the next.
func JSON(e catalog.Exported) ([]byte, error) {
	form := fileForm{Planb: Version, Policy: e.System, Groups: []groupForm{}, Hosts: []hostForm{}}
	for _, g := range e.Groups {
		form.Groups = append(form.Groups, groupForm{Group: g.Name, Emails: g.Emails, Notes: g.Notes, Policy: some(g.Settings)})
	}
	for _, h := range e.Hosts {
		form.Hosts = append(form.Hosts, hostForm{
			Host: h.Host.String(), ID: h.ID, Address: ident.Address{Host: h.Address, Module: h.Module}.String(), Disabled: h.DisabledReason,
			Storage: h.Storage, Dataset: h.Dataset, Tags: h.Tags, HostKeys: h.HostKeys, Notes: h.Notes, Policy: some(h.Settings),
		})
	}
	text, err := json.MarshalIndent(form, "", "  ")
	return append(text, '\n'), err
}

// YAML writes the same as JSON does.
func YAML(e catalog.Exported) ([]byte, error) {
	text, err := JSON(e)
	if err != nil {
		return nil, err
	}
	text, err = yaml.JSONToYAML(text)
	if err != nil {
		return nil, fmt.Errorf("writing YAML: %w", err)
	}
	return text, nil
}

// some gives nil for settings of which none is set.
func some(s policy.Settings) *policy.Settings {
	if s.IsZero() {
		return nil
	}
	return &s
}
