package cli

import (
	"strings"

	ucli "github.com/urfave/cli/v2"
)

// permute moves the flags of the command that args name before its other
// arguments, so that `planb backup acme/web1 --wait` works: urfave/cli stops
// looking for flags at the first argument that is none. What follows "--"
// stays as it is.
func permute(root *ucli.App, args []string) []string {
	head, rest := []string{args[0]}, args[1:]
	flags, commands := root.Flags, root.Commands
	var cmdFlags, plain []string
	for len(rest) > 0 {
		arg := rest[0]
		if arg == "--" {
			plain = append(plain, rest...)
			break
		}
		if strings.HasPrefix(arg, "-") && arg != "-" {
			n := 1
			if !strings.Contains(arg, "=") && takesValue(flags, arg) {
				n = min(2, len(rest))
			}
			if len(commands) > 0 {
				head = append(head, rest[:n]...)
			} else {
				cmdFlags = append(cmdFlags, rest[:n]...)
			}
			rest = rest[n:]
			continue
		}
		if next := find(commands, arg); next != nil && len(plain) == 0 {
			head = append(head, arg)
			flags, commands = next.Flags, next.Subcommands
		} else {
			plain = append(plain, arg)
			commands = nil
		}
		rest = rest[1:]
	}
	return append(append(head, cmdFlags...), plain...)
}

func find(commands []*ucli.Command, name string) *ucli.Command {
	for _, c := range commands {
		if c.HasName(name) {
			return c
		}
	}
	return nil
}

// takesValue says whether the flag arg ("--name" or "-n") is followed by its
// value. Unknown ones are left for the parser to complain of.
func takesValue(flags []ucli.Flag, arg string) bool {
	name := strings.TrimLeft(arg, "-")
	for _, f := range flags {
		for _, n := range f.Names() {
			if n != name {
				continue
			}
			if g, ok := f.(*ucli.GenericFlag); ok {
				if b, ok := g.Value.(interface{ IsBoolFlag() bool }); ok && b.IsBoolFlag() {
					return false // its value comes after "=", or not at all
				}
			}
			doc, ok := f.(ucli.DocGenerationFlag)
			return ok && doc.TakesValue()
		}
	}
	return false
}
