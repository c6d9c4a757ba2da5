// Package audit holds the page that tells who changed what.
package audit

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/web/server"
	"planb/web/ui"
)

// Catalog is what the page asks of *catalog.Store.
type Catalog interface {
	AuditPage(ctx context.Context, q catalog.AuditQuery) (catalog.AuditList, error)
}

// Pages are the pages of this family.
type Pages struct{ Catalog Catalog }

// Routes are their lines of the table.
func (p Pages) Routes() []server.Route {
	return []server.Route{
		{Method: http.MethodGet, Pattern: "/audit", Right: access.Manage, Scope: server.Anything, Handle: p.list},
	}
}

// perPage is how many changes a page shows.
const perPage = 50

// kinds are what a change can be about: the part of an action before the dot.
var kinds = []string{"billing", "group", "host", "policy", "restore", "run", "session", "snapshot", "storage", "token", "user", "verify"}

// filter is what the form above the list says.
type filter struct {
	Actor, About, Kind, Since, Until string
}

func filterOf(q url.Values) filter {
	get := func(key string) string { return strings.TrimSpace(q.Get(key)) }
	return filter{Actor: get("actor"), About: get("about"), Kind: get("kind"), Since: get("since"), Until: get("until")}
}

// query reads the filter. Days are of UTC; until includes its day.
func (f filter) query() (q catalog.AuditQuery, err error) {
	q = catalog.AuditQuery{Actor: f.Actor, Action: f.Kind, Limit: perPage}
	if f.Kind != "" && !slices.Contains(kinds, f.Kind) {
		return q, server.Invalid("There are no changes of that kind.")
	}
	// A group's name takes all of its hosts along; so does none else.
	if strings.Contains(f.About, "/") || ident.CheckGroup(f.About) != nil {
		q.Subject = f.About
	} else {
		q.Group = f.About
	}
	if q.Since, err = day(f.Since); err != nil {
		return q, err
	}
	if q.Until, err = day(f.Until); err == nil && !q.Until.IsZero() {
		q.Until = q.Until.AddDate(0, 0, 1)
	}
	return q, err
}

func day(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return t, server.Invalid(fmt.Sprintf("%.40q is no day: write it as 2026-11-24.", text))
	}
	return t, nil
}

// view is what the page shows.
type view struct {
	Filter  filter
	Entries []catalog.AuditEntry
	Pager   ui.Pager
	// Wrong is what is wrong with the filter.
	Wrong string
}

func (p Pages) list(w http.ResponseWriter, r *http.Request) error {
	params := r.URL.Query()
	v := view{Filter: filterOf(params)}
	q, err := v.Filter.query()
	if text, ok := server.Told(err); err != nil && ok {
		v.Wrong = text
		return server.Render(w, r, http.StatusUnprocessableEntity, page(v))
	}
	q.Visible = server.Visible(r, access.Manage)
	if before := params.Get("before"); before != "" {
		if q.Before, err = strconv.ParseInt(before, 10, 64); err != nil || q.Before < 1 {
			return server.ErrNotFound
		}
		params.Del("before")
		v.Pager.Prev = "/audit?" + params.Encode()
	}
	found, err := p.Catalog.AuditPage(r.Context(), q)
	if err != nil {
		return err
	}
	v.Entries = found.Entries
	if found.Next > 0 {
		v.Pager.Next = ui.With("/audit", params, "before", strconv.FormatInt(found.Next, 10))
	}
	return server.Render(w, r, http.StatusOK, page(v))
}

// subjectHref is where the subject of a change has its page; empty for none.
// Hosts and groups may be gone or renamed since.
func subjectHref(e catalog.AuditEntry) string {
	kind, _, _ := strings.Cut(e.Action, ".")
	switch kind {
	case "user", "session":
		if access.CheckUser(e.Subject) == nil {
			return "/users/" + url.PathEscape(e.Subject)
		}
	case "host", "policy", "restore", "run", "snapshot", "verify":
		if h, err := ident.ParseHost(e.Subject); err == nil {
			return "/hosts/" + h.String()
		}
	}
	return ""
}

// detail is one field of what a change changed.
type detail struct{ Name, Value string }

// details gives the fields of a change in the order of their names; nothing
// that is empty.
func details(raw json.RawMessage) []detail {
	var fields map[string]any
	if json.Unmarshal(raw, &fields) != nil {
		return nil
	}
	var list []detail
	for name, value := range fields {
		if text := short(value); text != "" {
			list = append(list, detail{strings.ReplaceAll(name, "_", " "), text})
		}
	}
	slices.SortFunc(list, func(a, b detail) int { return strings.Compare(a.Name, b.Name) })
	return list
}

// longest bounds what is shown of one field.
const longest = 300

func short(value any) string {
	text := plain(value)
	if r := []rune(text); len(r) > longest {
		text = string(r[:longest]) + "…"
	}
	return text
}

// plain writes a value without the signs of JSON, and leaves out what is empty.
func plain(value any) string {
	var parts []string
	switch v := value.(type) {
	case nil:
		return ""
	case string:
		return v
	case []any:
		for _, item := range v {
			parts = append(parts, plain(item))
		}
		return strings.Join(slices.DeleteFunc(parts, isEmpty), "; ")
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if text := plain(v[name]); text != "" {
				parts = append(parts, name+" "+text)
			}
		}
		return strings.Join(parts, ", ")
	}
	return fmt.Sprint(value)
}

func isEmpty(s string) bool { return s == "" }
