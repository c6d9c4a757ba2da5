package cli

import (
	"fmt"
	"time"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/access"
	"planb/internal/catalog"
	"planb/internal/policy"
)

func (a *app) tokenCommand() *ucli.Command {
	return &ucli.Command{
		Name: "token", Usage: "manage the tokens with which programs use the API", Subcommands: []*ucli.Command{
			{
				Name: "add", Usage: "make a token and print it, once", ArgsUsage: "NAME", Action: a.tokenAdd,
				Description: "Sent as Authorization: Bearer planb_… A token with an owner may do no more than the\n" +
					"owner, and ends with the owner.\n" + rolesHelp,
				Flags: append([]ucli.Flag{
					&ucli.StringFlag{Name: "expires", Value: "90d", Usage: "ends after this `TIME`, e.g. 90d or 52w"},
					&ucli.StringFlag{Name: "user", Usage: "`USER` who owns it; without, it stands for itself"},
					jsonFlag(),
				}, grantFlags()...),
			},
			{Name: "list", Usage: "list the tokens", Flags: []ucli.Flag{jsonFlag()}, Action: a.tokenList},
			{
				Name: "rm", Usage: "remove a token; programs that use it are refused at once", ArgsUsage: "NAME",
				Flags: []ucli.Flag{yesFlag()}, Action: a.tokenRemove,
			},
		},
	}
}

// tokenArg gives the only argument, the name of a token.
func tokenArg(c *ucli.Context) (string, error) {
	if c.Args().Len() != 1 {
		return "", usagef("name one token: planb token %s NAME", c.Command.Name)
	}
	name := c.Args().First()
	if err := access.CheckToken(name); err != nil {
		return "", usageError(err)
	}
	return name, nil
}

func (a *app) tokenAdd(c *ucli.Context) error {
	name, err := tokenArg(c)
	if err != nil {
		return err
	}
	roles, err := grants(c)
	if err != nil {
		return err
	}
	if len(roles) == 0 {
		return usagef("say what the token may do: --role viewer, operator, restorer or admin")
	}
	lasts, err := policy.ParseInterval(c.String("expires"))
	if err != nil {
		return usagef("--expires: %w", err)
	}
	ctx, store, err := a.accounts(c)
	if err != nil {
		return err
	}
	now := time.Now().UTC().Truncate(time.Second)
	n := catalog.NewToken{Name: name, User: c.String("user"), Grants: roles, ExpiresAt: now.Add(time.Duration(lasts))}
	made, err := store.AddToken(ctx, n)
	if err != nil {
		return err
	}
	if c.Bool("json") {
		return a.printObject(made)
	}
	fmt.Fprintln(a.stdout, made.Token)
	fmt.Fprintf(a.stderr, "Token %s: %s, until %s. It is shown only this once.\n", name, roles, when(&n.ExpiresAt))
	return nil
}

func (a *app) tokenList(c *ucli.Context) error {
	if c.Args().Present() {
		return usagef("planb token list takes no arguments")
	}
	ctx, store, err := a.accounts(c)
	if err != nil {
		return err
	}
	tokens, err := store.Tokens(ctx)
	if err != nil {
		return err
	}
	return list(a, c, tokens, "TOKEN OWNER ROLES ENDS LAST-USED", func(t catalog.Token) []string {
		return []string{t.Name, string(t.User), t.Grants.String(), when(&t.ExpiresAt), when(t.LastUsedAt)}
	})
}

func (a *app) tokenRemove(c *ucli.Context) error {
	name, err := tokenArg(c)
	if err != nil {
		return err
	}
	ctx, store, err := a.accounts(c)
	if err != nil {
		return err
	}
	if err := a.ask(c, "Remove token "+name+"?"); err != nil {
		return err
	}
	if err := store.RemoveToken(ctx, name); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "Removed token %s.\n", name)
	return nil
}
