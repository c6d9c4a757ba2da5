package api

import (
	"net/http"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/sshx"
	"planb/web/server"
	"planb/worker/operate"
	"planb/workflows"
)

// HostChange is what a host is made of. What is left out stays as it is, or is
// inherited.
type HostChange struct {
	// Address is a DNS name or IP address; ADDRESS::MODULE for an rsync daemon.
	Address  *string   `json:"address,omitempty"`
	Storage  *string   `json:"storage,omitempty"`
	Dataset  *string   `json:"dataset,omitempty"`
	Notes    *string   `json:"notes,omitempty"`
	Tags     *[]string `json:"tags,omitempty"`
	HostKeys *[]string `json:"host_keys,omitempty"`
	// ForgetJumpHostKeys has the keys of its jump host pinned anew, for all hosts
	// behind that: it takes an admin of all groups.
	ForgetJumpHostKeys bool `json:"forget_jump_host_keys,omitempty"`
	SettingsChange
}

// NewHost is a host to add.
type NewHost struct {
	// Host is group/name.
	Host string `json:"host"`
	// Like is a host, as group/name, whose settings, storage, tags and notes are
	// copied; what else is given here takes their place.
	Like string `json:"like,omitempty"`
	HostChange
	// DisabledReason, when set, adds it disabled.
	DisabledReason string `json:"disabled_reason,omitempty"`
}

// Reason says why something is done.
type Reason struct {
	Reason string `json:"reason,omitempty"`
}

// Backup says how a backup is made.
type Backup struct {
	// Keep is a label under which the snapshot is kept until it is removed by
	// hand.
	Keep string `json:"keep,omitempty"`
	// Now passes over do-not-run.d, and ends the wait of one that was put off.
	Now bool `json:"now,omitempty"`
}

// Started is a run that has begun.
type Started struct {
	Run string `json:"run"`
	// WorkflowID is left out for a restore, whose run has it.
	WorkflowID string `json:"workflow_id,omitempty"`
}

func (a API) changes() []endpoint {
	const host = "/hosts/{group}/{host}"
	return []endpoint{
		{
			id: "addHost", method: http.MethodPost, path: "/hosts/{group}", summary: "Add a host to a group that is there",
			right: access.Manage, scope: server.InGroup, body: NewHost{}, answer: catalog.HostShown{}, handle: a.addHost,
		},
		{
			id: "editHost", method: http.MethodPatch, path: host, summary: "Change of a host what is given",
			right: access.Manage, scope: server.InGroup, body: HostChange{}, answer: catalog.HostShown{}, handle: a.editHost,
		},
		{
			id: "enableHost", method: http.MethodPost, path: host + "/enable", summary: "Back a host up by schedule again",
			right: access.Operate, scope: server.InGroup, handle: a.setEnabled(true),
		},
		{
			id: "disableHost", method: http.MethodPost, path: host + "/disable", summary: "Back a host up by schedule no longer, for a reason",
			right: access.Operate, scope: server.InGroup, body: Reason{}, handle: a.setEnabled(false),
		},
		{
			id: "backUpHost", method: http.MethodPost, path: host + "/backup", summary: "Start a backup now",
			right: access.Operate, scope: server.InGroup, body: Backup{}, answer: Started{}, handle: a.backUp,
		},
	}
}

// edit reads a change; each value is checked as that of a flag.
func (c HostChange) edit() (e catalog.HostEdit, err error) {
	e = catalog.HostEdit{Storage: c.Storage, Dataset: c.Dataset, Notes: c.Notes, Tags: c.Tags}
	if c.Address != nil {
		address, err := ident.ParseAddress(*c.Address)
		if err != nil {
			return e, err
		}
		e.Address, e.Module = &address.Host, &address.Module
	}
	if c.Dataset != nil {
		if err := ident.CheckDataset(*c.Dataset); err != nil {
			return e, err
		}
	}
	if c.Tags != nil {
		for _, tag := range *c.Tags {
			if err := ident.CheckLabel(tag); err != nil {
				return e, err
			}
		}
	}
	if c.HostKeys != nil {
		keys, err := sshx.ParseHostKeys(*c.HostKeys)
		if err != nil {
			return e, server.Invalid("host_keys: " + err.Error())
		}
		e.HostKeys = &keys
	}
	e.Settings = c.change()
	return e, c.check()
}

func (a API) addHost(w http.ResponseWriter, r *http.Request) error {
	var in NewHost
	if err := read(r, &in); err != nil {
		return err
	}
	host, err := ident.ParseHost(in.Host)
	if err != nil {
		return err
	}
	if host.Group != r.PathValue("group") {
		return server.Invalid("The host is of another group than the address: " + in.Host + ".")
	}
	if in.Address == nil {
		return server.Invalid("Give the host's address.")
	}
	e, err := in.edit()
	if err != nil {
		return err
	}
	n, err := a.like(r, in.Like)
	if err != nil {
		return err
	}
	n.Host, n.Address, n.Module, n.DisabledReason = host, *e.Address, *e.Module, in.DisabledReason
	setIf(&n.Storage, e.Storage)
	setIf(&n.Dataset, e.Dataset)
	setIf(&n.Notes, e.Notes)
	setIf(&n.Tags, e.Tags)
	setIf(&n.HostKeys, e.HostKeys)
	if err := in.put(&n.Settings); err != nil {
		return err
	}
	// A group that is not there is for who may add groups.
	n.AddGroup = server.Who(r).May(access.Manage, access.Everything())
	if err := a.Operator.AddHost(r.Context(), n); err != nil {
		return err
	}
	return a.answerHost(w, r, host)
}

// like is what a new host begins with: nothing, or what another one is made of,
// which has to be one that the reader sees.
func (a API) like(r *http.Request, from string) (n catalog.NewHost, err error) {
	if from == "" {
		return n, nil
	}
	host, err := ident.ParseHost(from)
	if err != nil {
		return n, err
	}
	if !server.Who(r).Sees(host.Group) {
		return n, server.ErrNotFound
	}
	return a.Operator.LikeHost(r.Context(), host)
}

func setIf[T any](v *T, to *T) {
	if to != nil {
		*v = *to
	}
}

func (a API) editHost(w http.ResponseWriter, r *http.Request) error {
	host, err := server.HostOf(r)
	if err != nil {
		return err
	}
	var in HostChange
	if err := read(r, &in); err != nil {
		return err
	}
	e, err := in.edit()
	if err != nil {
		return err
	}
	if in.ForgetJumpHostKeys {
		if !server.Who(r).May(access.Manage, access.Everything()) {
			return server.Forbidden("The keys of a jump host are those of all hosts behind it: have an admin of all groups forget them.")
		}
		if err := a.Operator.ForgetJumpHostKeys(r.Context(), host); err != nil {
			return err
		}
	}
	if err := a.Operator.EditHost(r.Context(), host, e); err != nil {
		return err
	}
	return a.answerHost(w, r, host)
}

func (a API) answerHost(w http.ResponseWriter, r *http.Request, host ident.Host) error {
	shown, err := a.Catalog.HostShown(r.Context(), host, a.Now())
	if err != nil {
		return err
	}
	return server.WriteJSON(w, http.StatusOK, shown)
}

func (a API) setEnabled(enabled bool) server.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		host, err := server.HostOf(r)
		if err != nil {
			return err
		}
		var in Reason
		if err := read(r, &in); err != nil {
			return err
		}
		if !enabled && in.Reason == "" {
			in.Reason = "by " + server.Who(r).Actor()
		}
		if err := a.Operator.SetEnabled(r.Context(), host, enabled, in.Reason); err != nil {
			return err
		}
		return done(w)
	}
}

func (a API) backUp(w http.ResponseWriter, r *http.Request) error {
	host, err := server.HostOf(r)
	if err != nil {
		return err
	}
	var in Backup
	if err := read(r, &in); err != nil {
		return err
	}
	run, err := a.Operator.BackUp(r.Context(), host, operate.How{Keep: in.Keep, Now: in.Now})
	if err != nil {
		return err
	}
	return server.WriteJSON(w, http.StatusOK, Started{Run: run, WorkflowID: workflows.BackupID(host)})
}
