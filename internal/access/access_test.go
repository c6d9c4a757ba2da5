package access

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every role against every right, in every scope: for all groups, for the group
// of the grant, for another, for a list.
func TestEveryRoleRightAndScope(t *testing.T) {
	t.Parallel()
	has := map[Role][]Right{
		Viewer:    {View},
		Operator:  {View, Operate},
		Restorer:  {View, Restore},
		AdminRole: {View, Operate, Restore, Manage, Admin},
	}
	require.Len(t, has, len(Roles()))
	for _, role := range Roles() {
		for _, right := range Rights() {
			t.Run(fmt.Sprintf("%s %s", role, right), func(t *testing.T) {
				t.Parallel()
				want := slices.Contains(has[role], right)
				all := Principal{UserID: "1", Name: "alice", Grants: Grants{{Role: role}}}
				one := Principal{UserID: "1", Name: "alice", Grants: Grants{{Role: role, Group: "acme"}}}
				if right == Own {
					for _, p := range []Principal{all, one} {
						require.True(t, p.May(Own, Everything()))
						p.Token = "ci"
						require.False(t, p.May(Own, Everything()), "a token has no account")
					}
					return
				}
				for _, scope := range []Scope{Everything(), Anything(), OfGroup("acme"), OfGroup("umbrella")} {
					require.Equal(t, want, all.May(right, scope))
				}
				inGroup := want && right != Admin
				require.False(t, one.May(right, Everything()))
				require.Equal(t, inGroup, one.May(right, Anything()))
				require.Equal(t, inGroup, one.May(right, OfGroup("acme")))
				require.False(t, one.May(right, OfGroup("umbrella")))
				require.False(t, one.May(right, OfGroup("acm")))
				require.False(t, one.May(right, OfGroup("")), "no group is all groups")
				everywhere, groups := one.Groups(right)
				require.False(t, everywhere)
				if inGroup {
					require.Equal(t, []string{"acme"}, groups)
				} else {
					require.Empty(t, groups)
				}
			})
		}
	}
}

func TestNobodyMayNothing(t *testing.T) {
	t.Parallel()
	for _, p := range []Principal{{}, {UserID: "1", Name: "x"}, {Name: "x", Grants: Grants{{Role: "king"}, {Role: "", Group: "acme"}}}} {
		for _, right := range Rights() {
			if right == Own && p.UserID != "" {
				continue
			}
			for _, scope := range []Scope{Everything(), Anything(), OfGroup("acme")} {
				require.False(t, p.May(right, scope))
			}
			require.False(t, p.May("", scope0()))
		}
	}
}

func scope0() Scope { return Scope{} }

func TestOwnerBoundsToken(t *testing.T) {
	t.Parallel()
	p := Principal{UserID: "1", Name: "bob", Token: "ci", Grants: Grants{{Role: AdminRole}}, Owner: Grants{{Role: Operator, Group: "acme"}}}
	require.True(t, p.May(Operate, OfGroup("acme")))
	require.True(t, p.May(View, Anything()))
	for _, right := range []Right{Restore, Manage, Admin, Own} {
		require.False(t, p.May(right, OfGroup("acme")), right)
		require.False(t, p.May(right, Anything()), right)
	}
	require.False(t, p.May(View, Everything()))
	require.False(t, p.May(View, OfGroup("umbrella")))
	_, groups := p.Groups(View)
	require.Equal(t, []string{"acme"}, groups)

	apart := Principal{Token: "ci", UserID: "1", Grants: Grants{{Role: Viewer, Group: "umbrella"}}, Owner: Grants{{Role: Viewer, Group: "acme"}}}
	require.False(t, apart.May(View, Anything()), "each reaches a group, but not the same one")
	gone := Principal{Token: "ci", UserID: "1", Grants: Grants{{Role: AdminRole}}, Owner: Grants{}}
	require.False(t, gone.May(View, Anything()))
	require.False(t, gone.May(Admin, Everything()))
}

func TestRolesAddUp(t *testing.T) {
	t.Parallel()
	p := Principal{Name: "bob", Grants: Grants{{Role: Operator, Group: "acme"}, {Role: Restorer, Group: "umbrella"}, {Role: Viewer}}}
	require.True(t, p.May(Operate, OfGroup("acme")))
	require.False(t, p.May(Restore, OfGroup("acme")))
	require.True(t, p.May(Restore, OfGroup("umbrella")))
	all, _ := p.Groups(View)
	require.True(t, all)
	require.Equal(t, "operator of acme, restorer of umbrella, viewer of all groups", p.Grants.String())
}

func TestNames(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"alice", "a", "alice@acme.example", "a.b-c_d9"} {
		require.NoError(t, CheckUser(good))
		require.NoError(t, CheckToken(good))
	}
	for _, bad := range []string{"", "-a", "Alice", "a b", "a/b", "ä", "a\n", string(make([]byte, 64))} {
		require.Error(t, CheckUser(bad), "%q", bad)
	}
	require.Error(t, CheckToken("a/b"))
	_, err := ParseRole("king")
	require.EqualError(t, err, `"king" is not a role: choose viewer, operator, restorer or admin`)
}

func TestGrantsAreReadAsTheyAreWritten(t *testing.T) {
	t.Parallel()
	given := Grants{{Role: AdminRole}, {Role: Viewer, Group: "acme"}}
	text, err := json.Marshal(given)
	require.NoError(t, err)
	require.JSONEq(t, `[{"role":"admin","group":null},{"role":"viewer","group":"acme"}]`, string(text))
	var got Grants
	require.NoError(t, json.Unmarshal(text, &got))
	require.Equal(t, given, got)
}
