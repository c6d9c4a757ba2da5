package ident

import (
	"cmp"
	"strings"
)

// A Host is the full name of a host. The pair is unique, the name alone is
// not. It travels as the text "group/name" in JSON.
type Host struct {
	Group string
	Name  string
}

// ParseHost reads "group/name".
func ParseHost(s string) (Host, error) {
	group, name, found := strings.Cut(s, "/")
	if !found {
		return Host{}, &Error{What: "a host", Value: s, Reason: "write it as group/name, for example acme/web1"}
	}
	if strings.Contains(name, "/") {
		return Host{}, &Error{What: "a host", Value: s, Reason: "it has more than one slash; write it as group/name, for example acme/web1"}
	}
	h := Host{Group: group, Name: name}
	if err := h.Check(); err != nil {
		return Host{}, err
	}
	return h, nil
}

// Check refuses a host whose group or name is not acceptable.
func (h Host) Check() error {
	if err := CheckGroup(h.Group); err != nil {
		return err
	}
	return CheckHostName(h.Name)
}

// IsZero tells whether no host is named.
func (h Host) IsZero() bool { return h == Host{} }

// String gives "group/name", or nothing for the zero Host.
func (h Host) String() string {
	if h.IsZero() {
		return ""
	}
	return h.Group + "/" + h.Name
}

// Compare orders hosts by group and name, byte by byte.
func (h Host) Compare(other Host) int {
	return cmp.Or(strings.Compare(h.Group, other.Group), strings.Compare(h.Name, other.Name))
}

// MarshalText gives what String gives.
func (h Host) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText wrote; an empty text is the zero Host.
func (h *Host) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*h = Host{}
		return nil
	}
	parsed, err := ParseHost(string(text))
	if err != nil {
		return err
	}
	*h = parsed
	return nil
}

// A HostSnap names a host, and one snapshot of it when Snapshot is not empty.
type HostSnap struct {
	Host     Host
	Snapshot string
}

// ParseHostSnap reads HOST or HOST@SNAP.
func ParseHostSnap(s string) (HostSnap, error) {
	host, snap, found := strings.Cut(s, "@")
	h, err := ParseHost(host)
	if err != nil {
		return HostSnap{}, err
	}
	if !found {
		return HostSnap{Host: h}, nil
	}
	if err := CheckSnapshot(snap); err != nil {
		return HostSnap{}, err
	}
	return HostSnap{Host: h, Snapshot: snap}, nil
}

// String gives HOST or HOST@SNAP.
func (hs HostSnap) String() string {
	if hs.Snapshot == "" {
		return hs.Host.String()
	}
	return hs.Host.String() + "@" + hs.Snapshot
}
