package catalog

import (
	"strconv"
	"strings"
)

// conditions gathers the where clause of a query and its arguments. What is not
// asked for is not in it, so that PostgreSQL plans each question by itself.
type conditions struct {
	parts []string
	args  []any
}

// arg adds an argument and gives its placeholder.
func (c *conditions) arg(value any) string {
	c.args = append(c.args, value)
	return "$" + strconv.Itoa(len(c.args))
}

// add adds a condition, in which each ? stands for value.
func (c *conditions) add(sql string, value any) {
	c.parts = append(c.parts, strings.ReplaceAll(sql, "?", c.arg(value)))
}

// addIf adds a condition when there is something to compare with.
func (c *conditions) addIf(set bool, sql string, value any) {
	if set {
		c.add(sql, value)
	}
}

// see narrows to the groups whose names v sees; column is that of the name.
func (c *conditions) see(v Visible, column string) {
	c.addIf(!v.all, column+" = any (?::text[])", v.names())
}

// sql gives the conditions, which all must hold.
func (c *conditions) sql() string {
	if len(c.parts) == 0 {
		return "true"
	}
	return strings.Join(c.parts, " and ")
}
