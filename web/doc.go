// Package web puts the pages and the API together and serves them.
//
// A family of pages is a package of its own below this one; fleet is the
// smallest. It takes about twenty lines to begin one:
//
//	package storages
//
//	type Catalog interface { // what the pages ask of *catalog.Store, and no more
//		Storages(ctx context.Context) ([]catalog.Storage, error)
//	}
//
//	type Pages struct{ Catalog Catalog }
//
//	func (p Pages) Routes() []server.Route {
//		return []server.Route{
//			{Method: http.MethodGet, Pattern: "/storages", Right: access.View, Scope: server.Anything, Handle: p.list},
//			{Method: http.MethodPost, Pattern: "/hosts/{group}/{host}/backup", Right: access.Operate, Scope: server.InGroup, Handle: p.backup},
//		}
//	}
//
//	func (p Pages) list(w http.ResponseWriter, r *http.Request) error {
//		found, err := p.Catalog.Storages(r.Context())
//		if err != nil {
//			return err // becomes an error page, or JSON below /api/
//		}
//		return server.Render(w, r, http.StatusOK, page(found))
//	}
//
// with its template in list.templ:
//
//	templ page(found []catalog.Storage) {
//		@ui.Page(ui.Head{Title: "Storages", Section: ui.Storages}) {
//			…
//		}
//	}
//
// and a line in routes (web.go). The entry of the navigation appears by itself
// once its path has a route (ui.Navigation).
//
// The rules:
//   - Every route names a right, and what it is asked for: server.Anything for
//     lists, which the handler narrows to the groups of server.Who(r).Groups;
//     server.InGroup for paths with {group}; a function of the family's own
//     where the group has to be looked up; nothing for what concerns all
//     groups. Handlers check no rights themselves. Below /api/ the same table
//     holds, and errors are JSON (server.WriteJSON).
//   - A change is a POST of a plain form that ends with server.Redirect, and
//     works without a script. What cannot be undone has a page that asks
//     (ui.Confirm) at the same path under GET. The catalog writes the audit
//     line in the same transaction; the actor is in the request's context.
//   - A form that names hosts or groups in its fields, not in its path, is for
//     its handler to check, one by one: server.Who(r).May(right,
//     access.OfGroup(group)). It is the one exception; prefer the path.
//   - Contents of files are somebody else's: they are sent with server.Download,
//     never as a page, and only for access.Restore.
//   - No style or script stands in a page, not as an attribute either: the
//     content security policy refuses both. Styles are Tabler's classes and
//     web/static/planb.css; live parts are htmx attributes (hx-get, hx-trigger
//     "every 5s") on a part that has a route of its own.
//   - Values shown are escaped by templ; templ.Raw is not used for them.
//   - A state is told by ui.Health or ui.State: word, icon and colour. Times are
//     ui.When or ui.At, sizes ui.Bytes. An empty list says what to do next
//     (ui.Empty).
package web
