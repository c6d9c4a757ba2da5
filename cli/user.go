package cli

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"

	ucli "github.com/urfave/cli/v2"
	"golang.org/x/term"

	"planb/internal/access"
	"planb/internal/catalog"
)

func (a *app) userCommand() *ucli.Command {
	return &ucli.Command{
		Name: "user", Usage: "manage who may sign in to the web pages", Subcommands: []*ucli.Command{
			{
				Name: "add", Usage: "add a user", ArgsUsage: "USER", Action: a.userAdd,
				Description: "Asks for the password, twice on a terminal; else the first line of standard input is it.\n" + rolesHelp,
				Flags:       append([]ucli.Flag{displayFlag()}, grantFlags()...),
			},
			{Name: "list", Usage: "list the users", Flags: []ucli.Flag{jsonFlag()}, Action: a.userList},
			{
				Name: "edit", Usage: "change the name or the roles of a user", ArgsUsage: "USER", Action: a.userEdit,
				Description: "Roles that are given replace those there are.\n" + rolesHelp,
				Flags:       append([]ucli.Flag{displayFlag()}, grantFlags()...),
			},
			{
				Name: "passwd", Usage: "set a new password, which ends all sessions of the user", ArgsUsage: "USER", Action: a.userPasswd,
				Description: "Asks for the password, twice on a terminal; else the first line of standard input is it.",
			},
			{
				Name: "disable", Usage: "let a user sign in no more, and end all sessions", ArgsUsage: "USER",
				Action: func(c *ucli.Context) error { return a.userEnable(c, false) },
			},
			{
				Name: "enable", Usage: "let a user sign in again, also after too many failed", ArgsUsage: "USER",
				Action: func(c *ucli.Context) error { return a.userEnable(c, true) },
			},
			{
				Name: "rm", Usage: "remove a user with all sessions and tokens", ArgsUsage: "USER",
				Flags: []ucli.Flag{yesFlag()}, Action: a.userRemove,
			},
		},
	}
}

const rolesHelp = "Roles: viewer sees; operator also backs up, cancels, holds, accepts; restorer sees,\n" +
	"reads files and restores; admin does all of that and changes hosts and policies. A\n" +
	"role is for all groups, or for those that --group names. Several roles add up; a role\n" +
	"for one group can also be written ROLE:GROUP."

func displayFlag() ucli.Flag {
	return &ucli.StringFlag{Name: "display-name", Usage: "the person's `NAME`"}
}

func grantFlags() []ucli.Flag {
	return []ucli.Flag{
		listFlag("role", "`ROLE` or ROLE:GROUP; again for more"),
		listFlag("group", "`GROUP` that the roles are for; again for more"),
	}
}

// grants reads --role and --group.
func grants(c *ucli.Context) (access.Grants, error) {
	list := access.Grants{}
	groups := listValue(c, "group")
	for _, text := range listValue(c, "role") {
		name, group, own := strings.Cut(text, ":")
		role, err := access.ParseRole(name)
		if err != nil {
			return nil, usageError(err)
		}
		switch {
		case own && group == "":
			return nil, usagef("--role %s: name the group after the colon, or leave the colon out", text)
		case own:
			list = append(list, access.Grant{Role: role, Group: group})
		case len(groups) == 0:
			list = append(list, access.Grant{Role: role})
		}
		for _, g := range groups {
			if !own {
				list = append(list, access.Grant{Role: role, Group: g})
			}
		}
	}
	if len(groups) > 0 && len(list) == 0 {
		return nil, usagef("--group needs a --role")
	}
	return list, nil
}

// userArg gives the only argument, the name of a user.
func userArg(c *ucli.Context) (string, error) {
	if c.Args().Len() != 1 {
		return "", usagef("name one user: planb user %s USER", c.Command.Name)
	}
	name := c.Args().First()
	if err := access.CheckUser(name); err != nil {
		return "", usageError(err)
	}
	return name, nil
}

func (a *app) userAdd(c *ucli.Context) error {
	name, err := userArg(c)
	if err != nil {
		return err
	}
	roles, err := grants(c)
	if err != nil {
		return err
	}
	if len(roles) == 0 {
		return usagef("say what %s may do: --role viewer, operator, restorer or admin", name)
	}
	ctx, store, err := a.accounts(c)
	if err != nil {
		return err
	}
	if _, err := store.User(ctx, name); err == nil {
		return refusedf("there is already a user %s: change it with planb user edit %s", name, name)
	}
	password, err := a.newPassword(name)
	if err != nil {
		return err
	}
	u, err := store.AddUser(ctx, name, c.String("display-name"), roles, password)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "Added user %s: %s.\n", name, u.Grants)
	return nil
}

func (a *app) userList(c *ucli.Context) error {
	if c.Args().Present() {
		return usagef("planb user list takes no arguments")
	}
	ctx, store, err := a.accounts(c)
	if err != nil {
		return err
	}
	users, err := store.Users(ctx)
	if err != nil {
		return err
	}
	return list(a, c, users, "USER NAME ROLES STATE LAST-SIGN-IN SESSIONS", func(u catalog.User) []string {
		state := "enabled"
		if u.Disabled {
			state = "disabled"
		}
		return []string{u.Name, oneLine(string(u.DisplayName)), u.Grants.String(), state, when(u.LastSignIn), fmt.Sprint(u.Sessions)}
	})
}

func (a *app) userEdit(c *ucli.Context) error {
	name, err := userArg(c)
	if err != nil {
		return err
	}
	var e catalog.UserEdit
	if c.IsSet("display-name") {
		e.DisplayName = new(c.String("display-name"))
	}
	roles, err := grants(c)
	if err != nil {
		return err
	}
	if len(roles) > 0 {
		e.Grants = &roles
	}
	if e.DisplayName == nil && e.Grants == nil {
		return usagef("nothing to change: give a flag, see planb user edit --help")
	}
	ctx, store, err := a.accounts(c)
	if err != nil {
		return err
	}
	u, err := store.EditUser(ctx, name, e)
	if err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "Changed user %s: %s.\n", name, u.Grants)
	return nil
}

func (a *app) userPasswd(c *ucli.Context) error {
	name, err := userArg(c)
	if err != nil {
		return err
	}
	ctx, store, err := a.accounts(c)
	if err != nil {
		return err
	}
	if _, err := store.User(ctx, name); err != nil {
		return err
	}
	password, err := a.newPassword(name)
	if err != nil {
		return err
	}
	if err := store.SetPassword(ctx, name, password); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "Changed the password of %s; all sessions of the user ended.\n", name)
	return nil
}

func (a *app) userEnable(c *ucli.Context, enabled bool) error {
	name, err := userArg(c)
	if err != nil {
		return err
	}
	ctx, store, err := a.accounts(c)
	if err != nil {
		return err
	}
	if _, err := store.SetUserEnabled(ctx, name, enabled); err != nil {
		return err
	}
	if enabled {
		fmt.Fprintf(a.stdout, "%s can sign in.\n", name)
	} else {
		fmt.Fprintf(a.stdout, "%s cannot sign in any more; all sessions ended.\n", name)
	}
	return nil
}

func (a *app) userRemove(c *ucli.Context) error {
	name, err := userArg(c)
	if err != nil {
		return err
	}
	ctx, store, err := a.accounts(c)
	if err != nil {
		return err
	}
	if _, err := store.User(ctx, name); err != nil {
		return err
	}
	if err := a.ask(c, "Remove user "+name+" with all sessions and tokens?"); err != nil {
		return err
	}
	if err := store.RemoveUser(ctx, name); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "Removed user %s.\n", name)
	return nil
}

// newPassword asks for a password that is good enough. One is never an argument:
// those are for all of the machine to see.
func (a *app) newPassword(user string) (password string, err error) {
	if password, err = a.readPassword(user); err != nil {
		return "", err
	}
	if err := access.CheckPassword(user, password); err != nil {
		return "", usageError(err)
	}
	return password, nil
}

func (a *app) readPassword(user string) (string, error) {
	terminal, ok := a.stdin.(*os.File)
	if !a.asks || !ok {
		// A last line without its end is a line, too.
		line, _ := bufio.NewReader(io.LimitReader(a.stdin, 2*access.MaxPassword)).ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); line == "" {
			return "", usagef("no password came on standard input: write it there, or run this on a terminal, which asks for it")
		}
		return line, nil
	}
	first, err := a.hidden(terminal, "Password for "+user+": ")
	if err != nil {
		return "", err
	}
	again, err := a.hidden(terminal, "Again: ")
	if err != nil {
		return "", err
	}
	if first != again {
		return "", usagef("the two passwords are not the same: try again")
	}
	return first, nil
}

// hidden asks a question whose answer is not shown.
func (a *app) hidden(terminal *os.File, question string) (string, error) {
	fmt.Fprint(a.stderr, question)
	answer, err := term.ReadPassword(int(terminal.Fd()))
	fmt.Fprintln(a.stderr)
	if err != nil {
		return "", fmt.Errorf("reading the password: %w", err)
	}
	return string(answer), nil
}
