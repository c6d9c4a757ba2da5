// Package ui holds what all pages are made of: the layout with its navigation,
// and the components in it. Components are pure functions of what they are
// given; what belongs to the request (who reads, where, what was just done)
// comes in a Frame in the context, where the server puts it.
package ui

import (
	"context"
	"time"

	"planb/internal/access"
)

// Frame is what the layout shows around a page.
type Frame struct {
	Principal access.Principal
	// Path is that of the request, with its query: forms that leave the page
	// and come back use it.
	Path string
	// Theme is "light", "dark" or "" for what the device prefers.
	Theme string
	Flash *Flash
	Nav   []NavItem
	// TemporalUI is the address of Temporal's own pages, or empty.
	TemporalUI string
	Version    string
	// Now is the time that all times on the page are told from.
	Now time.Time
}

// Flash is what was just done, told once on the next page.
type Flash struct {
	Tone Tone   `json:"t"`
	Text string `json:"m"`
}

type frameKey struct{}

// WithFrame gives pages that are rendered with the returned context their frame.
func WithFrame(ctx context.Context, f *Frame) context.Context {
	return context.WithValue(ctx, frameKey{}, f)
}

// FrameOf gives the frame of the page that is being rendered.
func FrameOf(ctx context.Context) *Frame {
	if f, ok := ctx.Value(frameKey{}).(*Frame); ok {
		return f
	}
	return &Frame{}
}

// May says whether the reader has right within scope: for links and buttons
// that are left out otherwise. It is a courtesy; the server checks again.
func May(ctx context.Context, right access.Right, scope access.Scope) bool {
	return FrameOf(ctx).Principal.May(right, scope)
}

// Section is an entry of the navigation, which a page belongs to.
type Section string

// The sections.
const (
	Fleet    Section = "fleet"
	Hosts    Section = "hosts"
	Groups   Section = "groups"
	Runs     Section = "runs"
	Schedule Section = "schedule"
	Storages Section = "storages"
	Policies Section = "policies"
	Notices  Section = "notices"
	Reports  Section = "reports"
	Billing  Section = "billing"
	Audit    Section = "audit"
	Users    Section = "users"
	Tokens   Section = "tokens"
	Account  Section = "account"
)

// NavItem is one entry of the navigation.
type NavItem struct {
	Section     Section
	Label, Icon string
	// Href is the path of its page; the entry is shown once a route has it.
	Href string
	// Right and Scope say who sees the entry.
	Right access.Right
	Scope access.Scope
}

// Navigation is all entries in their order. The server leaves out those that
// have no page and those that the reader has no right to.
func Navigation() []NavItem {
	any, all := access.Anything(), access.Everything()
	return []NavItem{
		{Fleet, "Fleet", "activity", "/", access.View, any},
		{Hosts, "Hosts", "device-desktop", "/hosts", access.View, any},
		{Groups, "Groups", "building", "/groups", access.View, any},
		{Runs, "Runs", "list-details", "/runs", access.View, any},
		{Schedule, "Schedule", "calendar-time", "/schedule", access.View, any},
		{Storages, "Storages", "database", "/storages", access.View, any},
		{Policies, "Policies", "adjustments", "/policies", access.View, any},
		{Notices, "Notices", "mail", "/notices", access.View, any},
		{Reports, "Reports", "report", "/reports", access.View, any},
		{Billing, "Billing", "coin", "/billing", access.View, any},
		{Audit, "Audit", "history", "/audit", access.Manage, any},
		{Users, "Users", "users", "/users", access.Admin, all},
		{Tokens, "Tokens", "key", "/tokens", access.Admin, all},
	}
}
