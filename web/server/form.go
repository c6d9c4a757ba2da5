package server

import (
	"net/http"

	"planb/internal/access"
)

// GrantsOf reads the fields of ui.GrantFields from a form that was parsed; what
// is no role is refused where it is kept.
func GrantsOf(r *http.Request) access.Grants {
	grants := access.Grants{}
	groups := r.PostForm["group"]
	for i, role := range r.PostForm["role"] {
		if role == "" || i >= len(groups) {
			continue
		}
		grants = append(grants, access.Grant{Role: access.Role(role), Group: groups[i]})
	}
	return grants
}
