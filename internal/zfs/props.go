package zfs

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The user properties by which a pool describes itself. They are asked for by
// name, since those of other programs may hold anything, line ends included.
const (
	PropHost       = "planb:host"        // catalog UUID of the host; dataset and snapshot
	PropName       = "planb:name"        // group/name of the host; dataset
	PropRun        = "planb:run"         // run that took it; snapshot
	PropState      = "planb:state"       // ok, warning, partial, suspect or rejected; snapshot
	PropWorth      = "planb:worth"       // its state if it were not suspect; suspect snapshot
	PropGuard      = "planb:guard"       // what is suspect about it; suspect or rejected snapshot
	PropTiers      = "planb:tiers"       // comma list, e.g. daily,weekly; snapshot
	PropHoldReason = "planb:hold-reason" // why it is held; snapshot
	PropHoldUntil  = "planb:hold-until"  // RFC 3339 end of the hold; snapshot
	PropRemoved    = "planb:removed"     // RFC 3339, when its host was removed; dataset
	PropExpires    = "planb:expires"     // RFC 3339, when a removed host's data goes; dataset
	PropView       = "planb:view"        // dataset@snap that a view's clone shows
)

var userProps = []string{
	PropHost, PropName, PropRun, PropState, PropWorth, PropGuard, PropTiers, PropHoldReason, PropHoldUntil,
	PropRemoved, PropExpires, PropView,
}

var (
	datasetProps = []string{
		"type", "guid", "creation", "used", "available", "referenced", "written", "logicalused", "mounted", "mountpoint", "origin",
	}
	snapshotProps = []string{"type", "guid", "creation", "used", "referenced", "written", "userrefs"}
)

// maxValue is the longest value of a user property that zfs-fuse takes, in bytes.
const maxValue = 1023

// record is what zfs get says of one dataset or snapshot.
type record struct {
	name   string
	values map[string]value
}

type value struct{ text, source string }

// text gives a property as it is; empty where this ZFS does not know it.
func (r *record) text(prop string) string {
	if v := r.values[prop].text; v != "-" {
		return v
	}
	return ""
}

// size gives a byte count or a number; -1 where this ZFS does not know it.
func (r *record) size(prop string) (int64, error) {
	v := r.values[prop].text
	if v == "" || v == "-" {
		return -1, nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return 0, unrecognised("zfs get", r.name+"\t"+prop+"\t"+v)
	}
	return n, nil
}

func (r *record) sizes(into map[string]*int64) error {
	for prop, p := range into {
		n, err := r.size(prop)
		if err != nil {
			return err
		}
		*p = n
	}
	return nil
}

func (r *record) created() (time.Time, error) {
	n, err := r.size("creation")
	if err != nil || n < 0 {
		return time.Time{}, err
	}
	return time.Unix(n, 0).UTC(), nil
}

// own gives the planb: properties set on it itself. A snapshot has those of
// its dataset too, and a dataset those of its parent, as "inherited from …":
// they say nothing about it.
func (r *record) own() map[string]string {
	props := map[string]string{}
	for name, v := range r.values {
		if strings.HasPrefix(name, "planb:") && (v.source == "local" || v.source == "received") {
			props[name] = v.text
		}
	}
	return props
}

// parseGet reads the output of `zfs get -H -o name,property,value,source`.
func parseGet(out string) ([]*record, error) {
	var list []*record
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		f := strings.Split(line, "\t")
		if len(f) != 4 || f[0] == "" || f[1] == "" {
			return nil, unrecognised("zfs get", line)
		}
		if len(list) == 0 || list[len(list)-1].name != f[0] {
			list = append(list, &record{name: f[0], values: map[string]value{}})
		}
		list[len(list)-1].values[f[1]] = value{text: f[2], source: f[3]}
	}
	return list, nil
}

// get asks for props and the planb: properties of the targets; with children,
// also of their snapshots and child datasets. Properties that this ZFS does not
// know are left out, and remembered.
func (c *Client) get(ctx context.Context, props []string, children bool, targets ...string) ([]*record, error) {
	for {
		var ask []string
		for _, p := range slices.Concat(props, userProps) {
			if _, unknown := c.unknown.Load(p); !unknown {
				ask = append(ask, p)
			}
		}
		args := []string{"get", "-Hp"}
		if children {
			args = append(args, "-r", "-d", "1")
		}
		args = append(args, "-o", "name,property,value,source", strings.Join(ask, ","))
		out, err := c.zfs(ctx, append(args, targets...)...)
		var e *Error
		if errors.As(err, &e) && e.Kind == errBadProperty && slices.Contains(ask, e.Name) {
			c.unknown.Store(e.Name, true)
			continue
		}
		if err != nil {
			return nil, err
		}
		return parseGet(out)
	}
}

// checkProps refuses properties that cannot be written, or not be read back.
func checkProps(props map[string]string) error {
	for name, v := range props {
		if strings.HasPrefix(name, "planb:") && !slices.Contains(userProps, name) {
			return fmt.Errorf("%s is not one of PlanB's properties (%s)", name, strings.Join(userProps, ", "))
		}
		if !strings.HasPrefix(name, "planb:") && !nativeProp.MatchString(name) {
			return fmt.Errorf("%q is not the name of a ZFS property", name)
		}
		if len(v) > maxValue || strings.ContainsFunc(v, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return fmt.Errorf("the value of %s must have at most %d bytes and no control characters", name, maxValue)
		}
	}
	return nil
}

// propArgs are the -o arguments that set props, in a fixed order. Empty values
// are left out: no property is the same as an empty one.
func propArgs(props map[string]string) []string {
	var args []string
	for _, name := range slices.Sorted(maps.Keys(props)) {
		if props[name] != "" {
			args = append(args, "-o", name+"="+props[name])
		}
	}
	return args
}

// SetProps sets properties of a dataset, or of a snapshot given as dataset@snap.
// An empty value removes the property. Errors: ErrNotExist, ErrNoSpace.
func (c *Client) SetProps(ctx context.Context, target string, props map[string]string) error {
	if err := checkTarget(target); err != nil {
		return err
	}
	if err := checkProps(props); err != nil {
		return err
	}
	// One at a time: zfs-fuse takes no more than one in a call.
	for _, name := range slices.Sorted(maps.Keys(props)) {
		args := []string{"set", name + "=" + props[name], target}
		if props[name] == "" {
			args = []string{"inherit", name, target}
		}
		if _, err := c.zfs(ctx, args...); err != nil {
			return about(target, err)
		}
	}
	return nil
}
