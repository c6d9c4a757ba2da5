package web

import (
	"planb/internal/access"
	"planb/web/server"
)

// Table is the table of all routes, for tests that walk it.
func Table(o Options) []server.Route {
	s := server.New(server.Options{Catalog: o.Catalog, Log: o.Log, Now: o.Now})
	return routes(o, s, access.NewPasswords())
}
