package cli

import (
	"bufio"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"

	ucli "github.com/urfave/cli/v2"
)

// jsonFlag is on every listing.
func jsonFlag() ucli.Flag {
	return &ucli.BoolFlag{Name: "json", Usage: "print an array of objects: times in UTC, sizes in bytes"}
}

func yesFlag() ucli.Flag {
	return &ucli.BoolFlag{Name: "yes", Aliases: []string{"y"}, Usage: "answer every question with yes"}
}

// list prints rows as JSON, one object a line inside an array, or as a table
// whose columns are head and whose cells come from cells.
func list[T any](a *app, c *ucli.Context, rows []T, head string, cells func(T) []string) error {
	if c.Bool("json") {
		return a.printJSON(rows)
	}
	table := [][]string{strings.Split(head, " ")}
	for _, r := range rows {
		line := cells(r)
		for i, cell := range line {
			if cell == "" {
				line[i] = "-"
			}
		}
		table = append(table, line)
	}
	for column := range table[0] {
		zoneOnce(table, column)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, line := range table {
		fmt.Fprintln(w, strings.Join(line, "\t"))
	}
	return w.Flush()
}

// whenRE matches what when prints.
var whenRE = regexp.MustCompile(`^(\d+-\d\d-\d\d \d\d:\d\d) (\S+)$`)

// zoneOnce moves the zone of a column of times into its head, unless there are
// several, as in the weeks around the change to summer time.
func zoneOnce(table [][]string, column int) {
	zone := ""
	for _, line := range table[1:] {
		if column >= len(line) || line[column] == "-" {
			continue
		}
		m := whenRE.FindStringSubmatch(line[column])
		if m == nil || zone != "" && m[2] != zone {
			return
		}
		zone = m[2]
	}
	if zone == "" {
		return
	}
	table[0][column] += " (" + zone + ")"
	for _, line := range table[1:] {
		if column < len(line) {
			line[column] = strings.TrimSuffix(line[column], " "+zone)
		}
	}
}

// printJSON prints rows as an array with one object a line.
func (a *app) printJSON(rows any) error {
	text, err := json.Marshal(rows)
	if err != nil {
		return err
	}
	var each []json.RawMessage
	if err := json.Unmarshal(text, &each); err != nil {
		return err
	}
	w := bufio.NewWriter(a.stdout)
	fmt.Fprint(w, "[")
	for i, e := range each {
		if i > 0 {
			fmt.Fprint(w, ",")
		}
		fmt.Fprintf(w, "\n%s", e)
	}
	if len(each) > 0 {
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w, "]")
	return w.Flush()
}

// printObject prints one object on one line.
func (a *app) printObject(v any) error {
	text, err := json.Marshal(v)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.stdout, "%s\n", text)
	return err
}

// size prints bytes as people read them, in powers of 1024.
func size(n int64) string {
	if n < 0 {
		return "-"
	}
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n), 0
	for v >= 1024 && unit < 6 {
		v, unit = v/1024, unit+1
	}
	return fmt.Sprintf("%.1f %ciB", v, " KMGTPE"[unit])
}

// countOf says how many of something there are.
func countOf(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func sizePtr(n *int64) string {
	if n == nil {
		return "-"
	}
	return size(*n)
}

// when prints a time in the local zone, which it names, to the minute.
func when(t *time.Time) string {
	if t == nil || t.IsZero() {
		return "-"
	}
	return t.Local().Format("2006-01-02 15:04 MST")
}

func duration(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}

// ask asks a yes/no question; --yes answers it, and without a terminal it is
// refused with what would be done.
func (a *app) ask(c *ucli.Context, question string) error {
	if c.Bool("yes") {
		return nil
	}
	if !a.asks {
		return refusedf("%s Say --yes to do it", question)
	}
	fmt.Fprintf(a.stderr, "%s [y/N] ", question)
	if a.answers == nil {
		a.answers = bufio.NewReader(a.stdin) // one for all questions: it reads ahead
	}
	line, _ := a.answers.ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(line)) {
	case "y", "yes":
		return nil
	}
	return refusedf("not done")
}
