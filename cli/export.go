package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"planb/internal/catalog"
	"planb/internal/export"
	"planb/internal/ident"
	"planb/worker/operate"
)

func (a *app) exportCommand() *ucli.Command {
	return &ucli.Command{
		Name: "export", Usage: "print the policies, groups and hosts, enough to make the catalog anew",
		Description: "As YAML, in an order that stays, so that two exports can be compared. No secret is in it: keys and\n" +
			"passwords are files on storage servers. Users, tokens and runs are not in it either.",
		Flags:  []ucli.Flag{&ucli.BoolFlag{Name: "json", Usage: "print JSON instead"}},
		Action: a.export,
	}
}

func (a *app) importCommand() *ucli.Command {
	return &ucli.Command{
		Name: "import", Usage: "add the groups and hosts of a file that are not there", ArgsUsage: "FILE",
		Description: "FILE is what planb export printed; - is standard input. What the catalog has otherwise than the\n" +
			"file says is a conflict: each is told, and nothing is changed, all or nothing.\n\n" +
			"FILE may also be of the first PlanB: its database as planb dumpdata wrote it, JSON or YAML, or\n" +
			"what its confexport printed. What could not be taken over is told on standard error.",
		Flags: []ucli.Flag{
			dryRunFlag(), &ucli.StringFlag{Name: "group", Usage: "for confexport, which does not tell groups from names: all are of group `G`"},
		},
		Action: a.importFile,
	}
}

func (a *app) applyCommand() *ucli.Command {
	return &ucli.Command{
		Name: "apply", Usage: "make the catalog agree with a file", ArgsUsage: "FILE",
		Description: "FILE is like what planb export prints; - is standard input, with --yes. Shows what would change,\n" +
			"asks, and changes all of it or nothing. What the file does not say of a group or host is inherited\n" +
			"or empty; but storage, dataset, host keys and id stay, and so does a policy of the system that the\n" +
			"file does not have. Hosts that the file does not have stay; --prune removes them as planb host rm\n" +
			"does: their data stays for a grace time.",
		Flags: []ucli.Flag{
			&ucli.BoolFlag{Name: "prune", Usage: "remove the hosts and groups that the file does not have"}, dryRunFlag(), yesFlag(),
		},
		Action: a.apply,
	}
}

func dryRunFlag() ucli.Flag {
	return &ucli.BoolFlag{Name: "dry-run", Usage: "only show what would change"}
}

func (a *app) export(c *ucli.Context) error {
	if c.Args().Present() {
		return usagef("planb export takes no arguments: it prints to standard output")
	}
	ctx, store, err := a.catalog(c)
	if err != nil {
		return err
	}
	all, err := store.Export(ctx)
	if err != nil {
		return err
	}
	write := export.YAML
	if c.Bool("json") {
		write = export.JSON
	}
	text, err := write(all)
	if err != nil {
		return err
	}
	_, err = a.stdout.Write(text)
	return err
}

// maxFile bounds a file with a catalog; ten thousand hosts are a few megabytes.
const maxFile = 64 << 20

// file reads the only argument.
func (a *app) file(c *ucli.Context, read func([]byte) (export.File, error)) (export.File, error) {
	if c.Args().Len() != 1 {
		return export.File{}, usagef("name one file: planb %s FILE, or - for standard input", c.Command.Name)
	}
	name := c.Args().First()
	from := a.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return export.File{}, usageError(err)
		}
		defer func() { _ = f.Close() }()
		from = f
	}
	text, err := io.ReadAll(io.LimitReader(from, maxFile+1))
	if err != nil {
		return export.File{}, fmt.Errorf("reading %s: %w", name, err)
	}
	if len(text) > maxFile {
		return export.File{}, usagef("%s is larger than a catalog can be", name)
	}
	file, err := read(text)
	if err != nil {
		return file, usageError(inFile(name, err))
	}
	return file, nil
}

// inFile puts the name of the file before each line of err.
func inFile(name string, err error) error {
	return errors.New(name + ": " + strings.ReplaceAll(err.Error(), "\n", "\n"+name+": "))
}

func (a *app) importFile(c *ucli.Context) error {
	file, err := a.file(c, func(text []byte) (export.File, error) { return export.ReadAny(text, c.String("group")) })
	if err != nil {
		return err
	}
	ctx, o, err := a.operator(c)
	if err != nil {
		return err
	}
	is, err := o.Catalog.Export(ctx)
	if err != nil {
		return err
	}
	plan := file.Import(is)
	for _, note := range file.Notes {
		fmt.Fprintln(a.stderr, note)
	}
	if err := conflicts(c, plan); err != nil {
		return err
	}
	if done := a.showPlan(plan, nil); done || c.Bool("dry-run") {
		return nil
	}
	return a.carryOut(ctx, c, o, plan, file.Import)
}

func (a *app) apply(c *ucli.Context) error {
	file, err := a.file(c, export.Read)
	if err != nil {
		return err
	}
	ctx, o, err := a.operator(c)
	if err != nil {
		return err
	}
	is, err := o.Catalog.Export(ctx)
	if err != nil {
		return err
	}
	plan := file.Agree(is)
	if err := conflicts(c, plan); err != nil {
		return err
	}
	var removals []string
	if c.Bool("prune") {
		removals = removalsOf(plan)
	} else if n := len(plan.Gone) + len(plan.EmptyGroups); n > 0 {
		fmt.Fprintf(a.stderr, "%s not in the file: --prune shows and removes them\n", countOf(int64(n), "host or group is", "hosts and groups are"))
	}
	if done := a.showPlan(plan, removals); done || c.Bool("dry-run") {
		return nil
	}
	question := "Make " + countOf(int64(len(plan.Changes)+len(removals)), "change?", "changes?")
	if len(removals) > 0 {
		question = fmt.Sprintf("Make %s, %d of them removals?", countOf(int64(len(plan.Changes)+len(removals)), "change", "changes"), len(removals))
	}
	if err := a.ask(c, question); err != nil {
		return err
	}
	if err := a.carryOut(ctx, c, o, plan, file.Agree); err != nil {
		return err
	}
	if !c.Bool("prune") {
		return nil
	}
	return a.removeGone(ctx, o, plan)
}

func conflicts(c *ucli.Context, plan export.Plan) error {
	if len(plan.Conflicts) == 0 {
		return nil
	}
	return &statusError{exitRefused, inFile(c.Args().First(), errors.New(strings.Join(plan.Conflicts, "\n")))}
}

func removalsOf(plan export.Plan) []string {
	var out []string
	for _, h := range plan.Gone {
		out = append(out, "- host "+h.String())
	}
	for _, g := range plan.EmptyGroups {
		out = append(out, "- group "+g)
	}
	return out
}

// showPlan prints a plan, and says whether there is nothing to do.
func (a *app) showPlan(plan export.Plan, removals []string) (done bool) {
	for _, line := range append(plan.Lines(), removals...) {
		fmt.Fprintln(a.stdout, line)
	}
	if len(plan.Changes)+len(removals) > 0 {
		return false
	}
	fmt.Fprintln(a.stdout, "The catalog has all of it already.")
	return true
}

// carryOut makes the changes of a plan, if it is still what again plans, and has
// the schedules follow.
func (a *app) carryOut(ctx context.Context, c *ucli.Context, o operate.Operator, plan export.Plan, again func(catalog.Exported) export.Plan) error {
	if len(plan.Changes) == 0 {
		return nil
	}
	err := o.Catalog.Change(ctx, func(is catalog.Exported) ([]catalog.Step, error) {
		now := again(is)
		if !slices.Equal(now.Lines(), plan.Lines()) || len(now.Conflicts) > 0 {
			return nil, refusedf("somebody changed the catalog meanwhile: nothing was done, look at the plan again")
		}
		return now.Steps(), nil
	})
	if err != nil {
		return err
	}
	var hosts []ident.Host
	for _, change := range plan.Changes {
		hosts = append(hosts, change.Hosts...)
	}
	slices.SortFunc(hosts, func(x, y ident.Host) int { return strings.Compare(x.String(), y.String()) })
	fmt.Fprintf(a.stdout, "Done: %s.\n", countOf(int64(len(plan.Changes)), "change", "changes"))
	return a.syncSchedules(c, slices.Compact(hosts)...)
}

// removeGone removes what the file does not have, as planb host rm and planb
// group rm do.
func (a *app) removeGone(ctx context.Context, o operate.Operator, plan export.Plan) error {
	var failed []error
	for _, h := range plan.Gone {
		known, err := o.Catalog.Host(ctx, h)
		if err != nil {
			failed = append(failed, err)
			continue
		}
		result, err := o.Remove(ctx, h, false, actor())
		if err != nil {
			failed = append(failed, fmt.Errorf("removing host %s: %w", h, err))
			continue
		}
		text := ""
		if known.Dataset != "" {
			text = fate(result)
		}
		fmt.Fprintf(a.stdout, "Removed host %s.%s\n", h, text)
	}
	for _, g := range plan.EmptyGroups {
		if err := o.Catalog.RemoveGroup(ctx, g); err != nil {
			failed = append(failed, fmt.Errorf("removing group %s: %w", g, err))
			continue
		}
		fmt.Fprintf(a.stdout, "Removed group %s.\n", g)
	}
	return errors.Join(failed...)
}
