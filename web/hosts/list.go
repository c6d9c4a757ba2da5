// Package hosts is the list of hosts, and the pages of one host.
package hosts

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
	"planb/web/server"
	"planb/web/ui"
	"planb/worker/operate"
)

// ListCatalog is what the list asks of *catalog.Store.
type ListCatalog interface {
	Groups(ctx context.Context) ([]catalog.Group, error)
	HostPage(ctx context.Context, q catalog.HostQuery) (catalog.HostList, error)
	StorageRooms(ctx context.Context, v catalog.Visible, now time.Time) ([]catalog.StorageRoom, error)
	Tags(ctx context.Context, v catalog.Visible) ([]string, error)
}

// Operator does what is chosen for hosts.
type Operator interface {
	BackUp(ctx context.Context, host ident.Host, how operate.How) (run string, err error)
	SetEnabled(ctx context.Context, host ident.Host, enabled bool, reason string) error
}

// List is the list of hosts, and what can be done with several at once.
type List struct {
	Catalog  ListCatalog
	Operator Operator
	Now      func() time.Time
	Log      *slog.Logger
}

// Routes are its lines of the table. What is done with several hosts names them
// in the form; each is then held against the rights of whoever sent it.
func (l List) Routes() []server.Route {
	return []server.Route{
		{Method: http.MethodGet, Pattern: "/hosts", Right: access.View, Scope: server.Anything, Handle: l.list},
		{Method: http.MethodGet, Pattern: "/hosts/act", Right: access.View, Scope: server.Anything, Handle: toList},
		{Method: http.MethodPost, Pattern: "/hosts/act", Right: access.Operate, Scope: server.Anything, Handle: l.act},
		{Method: http.MethodGet, Pattern: "/hosts/disable", Right: access.Operate, Scope: server.Anything, Handle: l.askDisable},
		{Method: http.MethodPost, Pattern: "/hosts/disable", Right: access.Operate, Scope: server.Anything, Handle: l.disable},
	}
}

// toList is for those who come back to where a form was sent to.
func toList(w http.ResponseWriter, r *http.Request) error {
	return server.Redirect(w, r, "/hosts", ui.Neutral, "")
}

// pageSizes are how many hosts a page may list; the first is usual.
var pageSizes = []int{50, 100, 200}

// listView is the page.
type listView struct {
	query url.Values
	// asked is what the filters say.
	asked asked
	list  catalog.HostList
	// groups, tags and storages are the choices of the filters.
	groups, tags, storages []string
	page, size             int
	// checked says that all hosts of the page come chosen.
	checked bool
}

// asked is what the address of the list says.
type asked struct {
	search, group, state, tag, storage, sort string
	health                                   []policy.Health
}

func (l List) list(w http.ResponseWriter, r *http.Request) error {
	v := listView{query: r.URL.Query(), asked: askedOf(r), size: sizeOf(r), page: 1}
	if n, err := strconv.Atoi(r.FormValue("page")); err == nil && n > 1 && n < 1_000_000 {
		v.page = n
	}
	v.checked = r.FormValue("checked") == "all"
	seen := server.Sees(r)
	var err error
	if v.list, err = l.Catalog.HostPage(r.Context(), v.asked.query(seen, v.size, v.page, l.Now())); err != nil {
		return err
	}
	if len(v.list.Hosts) == 0 && v.list.Total > 0 { // hosts went since the address was made
		return server.Redirect(w, r, ui.With("/hosts", v.query, "page", "1"), ui.Neutral, "")
	}
	if err := l.choices(r.Context(), seen, &v); err != nil {
		return err
	}
	return server.Render(w, r, http.StatusOK, listPage(v))
}

// choices fills what the filters offer.
func (l List) choices(ctx context.Context, seen catalog.Visible, v *listView) error {
	groups, err := l.Catalog.Groups(ctx)
	if err != nil {
		return err
	}
	for _, g := range groups {
		if seen.Group(g.Name) {
			v.groups = append(v.groups, g.Name)
		}
	}
	if v.tags, err = l.Catalog.Tags(ctx, seen); err != nil {
		return err
	}
	rooms, err := l.Catalog.StorageRooms(ctx, seen, l.Now())
	for _, s := range rooms {
		v.storages = append(v.storages, s.Server+":"+s.Dataset)
	}
	return err
}

func askedOf(r *http.Request) asked {
	q := r.URL.Query()
	a := asked{
		search: strings.TrimSpace(q.Get("q")), group: q.Get("group"), state: q.Get("state"), tag: q.Get("tag"),
		storage: q.Get("storage"), sort: q.Get("sort"),
	}
	for _, h := range q["health"] {
		if h != "" {
			a.health = append(a.health, policy.Health(h))
		}
	}
	return a
}

func (a asked) query(seen catalog.Visible, size, page int, now time.Time) catalog.HostQuery {
	by, descending := strings.CutPrefix(a.sort, "-")
	return catalog.HostQuery{
		Visible: seen, Search: a.search, Group: a.group, Tag: a.tag, Storage: a.storage, State: a.state, Health: a.health,
		Sort: by, Descending: descending, Limit: size, Offset: (page - 1) * size, Now: now,
	}
}

// narrowed says whether any filter is in force.
func (a asked) narrowed() bool {
	return a.search+a.group+a.state+a.tag+a.storage != "" || len(a.health) > 0
}

func sizeOf(r *http.Request) int {
	for _, size := range pageSizes {
		if r.FormValue("per") == strconv.Itoa(size) {
			return size
		}
	}
	return pageSizes[0]
}

// pager leads to the neighbours of the page.
func (v listView) pager() ui.Pager {
	p := ui.Pager{PrevWord: "Before", NextWord: "Next"}
	if len(v.list.Hosts) == 0 {
		return p
	}
	from := (v.page-1)*v.size + 1
	p.Shown = fmt.Sprintf("%s–%s of %s", ui.Count(from), ui.Count(from+len(v.list.Hosts)-1), ui.Plural(v.list.Total, "host", "hosts"))
	if v.page > 1 {
		p.Prev = v.with("page", strconv.Itoa(v.page-1))
	}
	if from+len(v.list.Hosts) <= v.list.Total {
		p.Next = v.with("page", strconv.Itoa(v.page+1))
	}
	return p
}

// with gives the address of the list with one value changed; an empty value
// leaves it out. What is chosen does not stay.
func (v listView) with(key, value string) string {
	q := url.Values{}
	for k, values := range v.query {
		if k != "checked" && k != key && (k != "page" || key == "checked") {
			q[k] = values
		}
	}
	if value != "" {
		q.Set(key, value)
	}
	if len(q) == 0 {
		return "/hosts"
	}
	return "/hosts?" + q.Encode()
}

// here is the address to come back to.
func (v listView) here() string {
	return v.with("checked", "")
}

func (v listView) sorting() ui.Sort {
	by := v.asked.sort
	if by == "" {
		by = "name"
	}
	q := url.Values{}
	for k, values := range v.query {
		if k != "checked" {
			q[k] = values
		}
	}
	return ui.Sort{Path: "/hosts", Query: q, By: by}
}

// count gives how many hosts are in a state of health, of all where it is empty.
func (v listView) count(h policy.Health) int {
	if h != "" {
		return v.list.Health[h]
	}
	n := 0
	for _, count := range v.list.Health {
		n += count
	}
	return n
}

// choseHealth says whether the list is narrowed to this health, perhaps besides
// others; empty means not narrowed at all.
func (v listView) choseHealth(h policy.Health) bool {
	if h == "" {
		return len(v.asked.health) == 0
	}
	return slices.Contains(v.asked.health, h)
}
