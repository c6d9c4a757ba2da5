// Package report writes the daily digest and the monthly report: from what the
// catalog holds to a document, and from that to text and HTML. It does no I/O;
// the time and the zone in which times are told come from its callers.
package report

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Doc is a report as people read it, in a mail or on a page.
type Doc struct {
	// Subject is that of the mail: the counts come first.
	Subject string
	Title   string
	// Lead are the sentences above everything else.
	Lead     []string
	Sections []Section
	// Foot are the sentences below everything else.
	Foot []string
}

// Section is a table with a heading; sentences alone will do, too.
type Section struct {
	Title string
	Lead  []string
	// Columns name those of Rows.
	Columns []Column
	Rows    []Row
}

// Column is one of a table; numbers stand to the right.
type Column struct {
	Name   string
	Number bool
}

// Row is one line of a table.
type Row struct {
	Cells []string
	// Notes are sentences below the line: the cause, and what to do about it.
	Notes []string
	// Href is where more of it is told; empty for nowhere.
	Href string
	Tone Tone
}

// Tone says how a row is meant.
type Tone string

// The tones; most rows have none.
const (
	Bad  Tone = "bad"
	Warn Tone = "warn"
)

func columns(names ...string) []Column {
	list := make([]Column, len(names))
	for i, name := range names {
		// A name that begins with # is that of numbers.
		plain, number := strings.CutPrefix(name, "#")
		list[i] = Column{Name: plain, Number: number}
	}
	return list
}

// longest bounds what is told of one cause, in characters.
const longest = 300

// oneLine makes what a host or a program said fit into a line: a file's name may
// hold anything.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return ' '
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > longest {
		s = string(r[:longest]) + "…"
	}
	return s
}
