package catalog

import (
	"context"

	"github.com/jackc/pgx/v5"

	"planb/internal/access"
)

// grantee is a user or a token, by id.
type grantee struct{ user, token *string }

// setGrants adds grants to those of a user or token.
func setGrants(ctx context.Context, tx pgx.Tx, to grantee, grants access.Grants) error {
	for _, g := range grants {
		if _, err := access.ParseRole(string(g.Role)); err != nil {
			return err
		}
		var group *string
		if g.Group != "" {
			found, err := getGroup(ctx, tx, g.Group)
			if err != nil {
				return err
			}
			group = &found.ID
		}
		_, err := tx.Exec(ctx, `insert into grants (user_id, token_id, role, group_id) values ($1::uuid, $2::uuid, $3, $4::uuid)
			on conflict do nothing`, to.user, to.token, g.Role, group)
		if err != nil {
			return err
		}
	}
	return nil
}
