package access

import (
	"slices"
)

// Principal is who acts: a user who signed in, or a token. The zero value may
// do nothing.
type Principal struct {
	// UserID and Name are those of the user; with a token, of its owner if it
	// has one.
	UserID, Name, DisplayName string
	// Token is the name of the token; empty for a user who signed in.
	Token string
	// Session is the id of the session; empty for tokens.
	Session string
	Grants  Grants
	// Owner bounds a token that somebody owns: what Grants give counts only
	// where these give it too. Nil is no bound; empty allows nothing.
	Owner Grants
}

// SignedIn says whether it is anybody.
func (p Principal) SignedIn() bool { return p.Name != "" || p.Token != "" }

// May says whether the principal has right within scope.
func (p Principal) May(right Right, scope Scope) bool {
	if right == Own {
		return p.UserID != "" && p.Token == ""
	}
	if scope.some && p.Owner != nil {
		// Both must reach the same group, not each its own.
		all, groups := p.Groups(right)
		return all || len(groups) > 0
	}
	return p.Grants.May(right, scope) && (p.Owner == nil || p.Owner.May(right, scope))
}

// Groups are those within which the principal has right; all is true when it
// has it everywhere, and groups is nil then.
func (p Principal) Groups(right Right) (all bool, groups []string) {
	if p.May(right, Everything()) {
		return true, nil
	}
	if right == Admin || right == Own {
		return false, nil
	}
	for _, g := range slices.Concat(p.Grants, p.Owner) {
		if g.Group != "" && !slices.Contains(groups, g.Group) && p.May(right, OfGroup(g.Group)) {
			groups = append(groups, g.Group)
		}
	}
	slices.Sort(groups)
	return false, groups
}

// Sees says whether the principal may view the group of that name.
func (p Principal) Sees(group string) bool { return p.May(View, OfGroup(group)) }

// Actor names the principal in the audit log: "alice (web)", "token ci (api)".
func (p Principal) Actor() string {
	switch {
	case p.Token != "":
		return "token " + p.Token + " (api)"
	case p.Name != "":
		return p.Name + " (web)"
	}
	return "nobody (web)"
}
