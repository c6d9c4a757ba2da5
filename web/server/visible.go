package server

import (
	"net/http"

	"planb/internal/access"
	"planb/internal/catalog"
)

// Sees gives what the lists of the catalog show to whoever sent the request.
func Sees(r *http.Request) catalog.Visible {
	all, groups := Who(r).Groups(access.View)
	if all {
		return catalog.Everything()
	}
	return catalog.OnlyGroups(groups...)
}
