package export

import (
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
)

// reader collects what is wrong while it reads.
type reader struct{ problems []Problem }

// maxProblems is how many are told at once.
const maxProblems = 20

func (r *reader) wrong(n ast.Node, format string, args ...any) {
	r.at(line(n), format, args...)
}

func (r *reader) at(line int, format string, args ...any) {
	if len(r.problems) < maxProblems {
		r.problems = append(r.problems, Problem{line, strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " ")})
	}
}

func (r *reader) err() error {
	if len(r.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(r.problems, func(a, b Problem) int { return a.Line - b.Line })
	return &Error{r.problems}
}

func line(n ast.Node) int {
	if n == nil || n.GetToken() == nil {
		return 0
	}
	return n.GetToken().Position.Line
}

// pair is a key with its value.
type pair struct {
	key   string
	node  ast.Node // of the key
	value ast.Node
}

// pairs gives those of a mapping whose keys are among known, once each; all keys
// when known is nil.
func (r *reader) pairs(n ast.Node, what string, known []string) []pair {
	var values []*ast.MappingValueNode
	switch m := n.(type) {
	case *ast.MappingNode:
		values = m.Values
	case *ast.MappingValueNode:
		values = []*ast.MappingValueNode{m}
	default:
		r.wrong(n, "%s is not a list of keys with values", what)
		return nil
	}
	var out []pair
	for _, v := range values {
		p := pair{node: v.Key, value: v.Value}
		if t := v.Key.GetToken(); t != nil {
			p.key = t.Value
		}
		switch {
		case known != nil && !slices.Contains(known, p.key):
			r.wrong(v.Key, "%s has no %q: the keys are %s", what, p.key, strings.Join(known, ", "))
		case slices.ContainsFunc(out, func(o pair) bool { return o.key == p.key }):
			r.wrong(v.Key, "%s has %q twice: leave one out", what, p.key)
		default:
			out = append(out, p)
		}
	}
	return out
}

// items gives those of a list.
func (r *reader) items(n ast.Node, what string) []ast.Node {
	if list, ok := n.(*ast.SequenceNode); ok {
		return list.Values
	}
	if _, ok := n.(*ast.NullNode); !ok {
		r.wrong(n, "%s is not a list: write its items below each other, each after a dash", what)
	}
	return nil
}

// text gives a value as it is written.
func (r *reader) text(n ast.Node, what string) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return v.GetToken().Value, true
	case *ast.NullNode:
		r.wrong(n, "%s has no value: write one, or leave the key out", what)
		return "", false
	}
	r.wrong(n, "%s is not a single text, number or yes and no", what)
	return "", false
}

// texts gives a list of values.
func (r *reader) texts(n ast.Node, what string) []string {
	out := []string{}
	for _, item := range r.items(n, what) {
		if text, ok := r.text(item, what); ok {
			out = append(out, text)
		}
	}
	return out
}
