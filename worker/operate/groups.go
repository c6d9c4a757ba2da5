package operate

import (
	"context"

	"planb/internal/catalog"
	"planb/internal/ident"
	"planb/internal/policy"
)

// mostAtOnce is for how many hosts the schedules are changed while a person
// waits; those of more follow with the next comparison of all, within ten
// minutes.
const mostAtOnce = 300

// EditGroup changes a group, and the schedules of its hosts with it. Errors:
// those of the catalog, and *UnavailableError once the catalog has it.
func (o Operator) EditGroup(ctx context.Context, name string, e catalog.GroupEdit) error {
	if _, err := o.Catalog.EditGroup(ctx, name, e); err != nil {
		return err
	}
	return o.rescheduleAll(ctx, "the group is changed", catalog.HostFilter{Group: name}, "")
}

// RenameGroup gives a group another name; the datasets of its hosts stay where
// they are. Errors: those of the catalog, and *UnavailableError once the
// catalog has it.
func (o Operator) RenameGroup(ctx context.Context, name, to string) error {
	if err := o.Catalog.RenameGroup(ctx, name, to); err != nil {
		return err
	}
	return o.rescheduleAll(ctx, "the group is renamed", catalog.HostFilter{Group: to}, name)
}

// EditPolicy changes what all groups inherit, and the schedules of their hosts
// with it. Errors: those of the catalog, and *UnavailableError once the catalog
// has it.
func (o Operator) EditPolicy(ctx context.Context, change func(*policy.Settings) error) error {
	if err := o.Catalog.EditSettings(ctx, catalog.OfSystem(), change); err != nil {
		return err
	}
	return o.rescheduleAll(ctx, "the policy is changed", catalog.HostFilter{}, "")
}

// rescheduleAll reschedules the hosts of the filter, and takes the schedules
// away that they had when their group was called before, where it was.
func (o Operator) rescheduleAll(ctx context.Context, done string, f catalog.HostFilter, before string) error {
	found, err := o.Catalog.Hosts(ctx, f)
	if err != nil || len(found) > mostAtOnce {
		return err
	}
	var hosts []ident.Host
	for _, h := range found {
		hosts = append(hosts, h.Ident())
		if before != "" {
			hosts = append(hosts, ident.Host{Group: before, Name: h.Name})
		}
	}
	return o.Reschedule(ctx, done, hosts...)
}
