// Package place says where somebody may restore to, for pages and API alike.
package place

import (
	"cmp"
	"path"
	"strings"

	"planb/internal/access"
	"planb/internal/ident"
	"planb/internal/rsync"
	"planb/web/server"
	"planb/workflows"
)

// DefaultDir is where restores to a storage server go unless configured.
const DefaultDir = "/srv/restored"

// Rule is what one person may name as the target of a restore of a host of a
// group.
type Rule struct {
	// Base begins the paths on a storage server, for those who are not Free.
	Base string
	// Free says that the person names any directory of the server.
	Free bool

	who access.Principal
}

// For gives the rule of who. A worker on a storage server writes as root what a
// host has sent, so that a place of one's own choice, such as /etc, would be a
// way to become root. Those who are no admins of all groups name a directory of
// their group right below dir; nothing there can be a link that a host made.
func For(who access.Principal, dir, group string) Rule {
	return Rule{
		Base: path.Join(cmp.Or(dir, DefaultDir), group+"@"),
		Free: who.May(access.Admin, access.Everything()),
		who:  who,
	}
}

// OnServer gives the path on the storage server that somebody named: absolute, or
// just a name, which is made below the directory for restores. Its errors are for
// people.
func (r Rule) OnServer(given string) (string, error) {
	if r.Free && path.IsAbs(given) {
		if path.Clean(given) == "/" {
			return "", server.Invalid("Give an absolute path on the storage server, such as " + r.Base + "files.")
		}
		return path.Clean(given), nil
	}
	name := strings.TrimPrefix(given, r.Base)
	if err := ident.CheckLabel(name); err != nil {
		if r.Free {
			return "", server.Invalid("Give an absolute path on the storage server, such as " + r.Base + "files.")
		}
		return "", server.Invalid("Give a name for it of letters, digits, dots, dashes and underscores: it is made as " + r.Base + "NAME.")
	}
	return r.Base + name, nil
}

// OnHost says whether files may be pushed to a host, which takes the right to
// restore to it as well, below prefix if there is one.
func (r Rule) OnHost(to ident.Host, prefix string) error {
	if !r.who.May(access.Restore, access.OfGroup(to.Group)) {
		return server.Invalid("There is no host " + to.String() + " that you may restore to.")
	}
	if prefix != "" {
		if err := rsync.CheckRemoteDest(prefix); err != nil {
			return server.Invalid(err.Error() + ".")
		}
	}
	return nil
}

// Allows says whether the person could have asked for in.
func (r Rule) Allows(in workflows.RestoreInput) error {
	if in.ToHost != (ident.Host{}) {
		return r.OnHost(in.ToHost, in.Prefix)
	}
	target := cmp.Or(in.Tar, in.To)
	name, below := strings.CutPrefix(target, r.Base)
	if !r.Free && (!below || ident.CheckLabel(name) != nil) {
		return server.Forbidden("To restore to " + target + " takes the right to admin all groups.")
	}
	return nil
}
