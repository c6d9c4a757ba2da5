// Package access says who may do what: roles give rights, grants give roles for
// all groups or for one, and a principal is whoever acts by them. It also makes
// and checks the hashes of passwords and the secrets of sessions and tokens. It
// knows no database and no HTTP: the command line, the pages and the API all
// ask here.
package access

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Right is one kind of thing that may be done.
type Right string

// The rights. No role gives Own: it is everybody's who signed in as a user.
const (
	// View is to see hosts, health, runs and their logs, schedules, policies,
	// and the names of what snapshots hold.
	View Right = "view"
	// Operate is to back up, cancel, enable and disable, hold, accept and
	// reject.
	Operate Right = "operate"
	// Restore is to read the contents of files, and to restore them.
	Restore Right = "restore"
	// Manage is to add, change, rename and remove hosts and groups and their
	// policies, to release holds and remove snapshots.
	Manage Right = "manage"
	// Admin is to change what concerns all groups: users, tokens, the policy
	// of the system, storages. Only an admin of all groups has it.
	Admin Right = "admin"
	// Own is to change one's own password and sessions.
	Own Right = "own"
)

// Rights are all of them.
func Rights() []Right { return []Right{View, Operate, Restore, Manage, Admin, Own} }

// Role is a set of rights that is granted as one.
type Role string

// The roles.
const (
	Viewer   Role = "viewer"
	Operator Role = "operator"
	// Restorer reads contents and restores, but does not operate: who needs
	// both is granted both.
	Restorer   Role = "restorer"
	AdminRole  Role = "admin"
	allGroups       = "all groups"
	roleChoice      = "viewer, operator, restorer or admin"
)

var rightsOf = map[Role][]Right{
	Viewer:    {View},
	Operator:  {View, Operate},
	Restorer:  {View, Restore},
	AdminRole: {View, Operate, Restore, Manage, Admin},
}

// Roles are all of them, the least powerful first.
func Roles() []Role { return []Role{Viewer, Operator, Restorer, AdminRole} }

// Rights are what the role gives.
func (r Role) Rights() []Right { return slices.Clone(rightsOf[r]) }

// ParseRole reads the name of a role.
func ParseRole(s string) (Role, error) {
	if _, ok := rightsOf[Role(s)]; !ok {
		return "", &Error{fmt.Sprintf("%q is not a role: choose %s", s, roleChoice)}
	}
	return Role(s), nil
}

// Error is a value that is refused; its text is one sentence for the person who
// gave it.
type Error struct{ Reason string }

// Error gives the sentence.
func (e *Error) Error() string { return e.Reason }

// Grant is a role for one group, or for all when Group is empty.
type Grant struct {
	Role  Role
	Group string
}

// String gives "operator of acme" or "admin of all groups".
func (g Grant) String() string {
	if g.Group == "" {
		return string(g.Role) + " of " + allGroups
	}
	return string(g.Role) + " of " + g.Group
}

// MarshalJSON writes the grant of a role for all groups with a group of null.
func (g Grant) MarshalJSON() ([]byte, error) {
	var group *string
	if g.Group != "" {
		group = &g.Group
	}
	return json.Marshal(struct {
		Role  Role    `json:"role"`
		Group *string `json:"group"`
	}{g.Role, group})
}

// gives says whether the grant gives right within scope.
func (g Grant) gives(right Right, scope Scope) bool {
	if !slices.Contains(rightsOf[g.Role], right) {
		return false
	}
	if right == Admin {
		return g.Group == ""
	}
	return scope.within(g.Group)
}

// Grants are those of one user or token.
type Grants []Grant

// May says whether one of the grants gives right within scope.
func (gs Grants) May(right Right, scope Scope) bool {
	return slices.ContainsFunc(gs, func(g Grant) bool { return g.gives(right, scope) })
}

// String lists the grants.
func (gs Grants) String() string {
	list := make([]string, len(gs))
	for i, g := range gs {
		list[i] = g.String()
	}
	return strings.Join(list, ", ")
}

// Scope is what a right is asked for. The zero value is everything: it takes a
// grant for all groups.
type Scope struct {
	group string
	some  bool
}

// Everything is the scope of what concerns all groups.
func Everything() Scope { return Scope{} }

// Anything is the scope of lists, which show each reader their part: one group
// is enough.
func Anything() Scope { return Scope{some: true} }

// OfGroup is the scope of a group and its hosts. An empty name is Everything.
func OfGroup(name string) Scope { return Scope{group: name} }

// Group is the name of the group that is asked for, if it is one.
func (s Scope) Group() string { return s.group }

// within says whether a grant for group reaches the scope.
func (s Scope) within(group string) bool {
	return group == "" || s.some || s.group == group
}
