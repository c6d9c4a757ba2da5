package api

import (
	"net/http"

	"planb/internal/access"
	"planb/internal/policy"
	"planb/web/server"
)

func (a API) policies() []endpoint {
	return []endpoint{
		{
			id: "showPolicy", method: http.MethodGet, path: "/policy", summary: "Show the settings in force where neither group nor host has its own",
			right: access.View, scope: server.Anything, answer: policy.Effective{}, handle: a.showPolicy,
		},
		{
			id: "editPolicy", method: http.MethodPatch, path: "/policy",
			summary: "Change of them what is given; the schedules of more than 300 hosts follow within ten minutes",
			right:   access.Admin, body: SettingsChange{}, answer: policy.Effective{}, handle: a.editPolicy,
		},
	}
}

func (a API) showPolicy(w http.ResponseWriter, r *http.Request) error {
	effective, err := a.Catalog.SystemEffective(r.Context())
	if err != nil {
		return err
	}
	return server.WriteJSON(w, http.StatusOK, effective)
}

func (a API) editPolicy(w http.ResponseWriter, r *http.Request) error {
	var in SettingsChange
	if err := read(r, &in); err != nil {
		return err
	}
	if err := in.check(); err != nil {
		return err
	}
	if err := a.Operator.EditPolicy(r.Context(), in.put); err != nil {
		return err
	}
	return a.showPolicy(w, r)
}
