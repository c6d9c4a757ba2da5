package catalog

import "slices"

// Visible is what somebody may see: everything, or the hosts of some groups.
// The zero value sees nothing.
type Visible struct {
	all    bool
	groups []string
}

// Everything sees all groups, and what belongs to none.
func Everything() Visible { return Visible{all: true} }

// OnlyGroups sees the hosts of the groups of these names, and what is theirs.
func OnlyGroups(names ...string) Visible {
	groups := slices.Clone(names)
	slices.Sort(groups)
	return Visible{groups: slices.Compact(groups)}
}

// All says whether v sees everything.
func (v Visible) All() bool { return v.all }

// Group says whether v sees the group of this name.
func (v Visible) Group(name string) bool { return v.all || slices.Contains(v.groups, name) }

// names is for `? or name = any (?)`; never nil, which would be null.
func (v Visible) names() []string { return orEmpty(v.groups) }

// Within narrows v to one group; an empty name leaves it as it is.
func (v Visible) Within(group string) Visible {
	switch {
	case group == "":
		return v
	case v.Group(group):
		return OnlyGroups(group)
	}
	return Visible{}
}
