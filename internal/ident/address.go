package ident

import (
	"net/netip"
	"strconv"
	"strings"
)

const whatAddress = "an address"

// An Address is where a host answers.
type Address struct {
	// Host is a DNS name or an IP address, the latter without brackets.
	Host string
	// Module is the module of an rsync daemon; empty when the transport is ssh.
	Module string
}

// ParseAddress reads a DNS name, an IPv4 address or an IPv6 address, the last
// also in brackets. "host::module" names the module of an rsync daemon; with
// an IPv6 address that form needs the brackets, since its own colons would
// make it ambiguous. An address with a zone (fe80::1%eth0) is refused.
func ParseAddress(s string) (Address, error) {
	if ip, err := netip.ParseAddr(s); err == nil && ip.Is6() {
		return Address{Host: s}, checkIP(s, ip)
	}
	host, module, daemon := cutModule(s)
	if daemon {
		if err := name("a module of an rsync daemon").check(module); err != nil {
			return Address{}, err
		}
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		inner, closed := strings.CutSuffix(inner, "]")
		ip, err := netip.ParseAddr(inner)
		if !closed || err != nil || !ip.Is6() {
			return Address{}, &Error{What: whatAddress, Value: s, Reason: "brackets hold an IPv6 address, for example [2001:db8::1]"}
		}
		return Address{Host: inner, Module: module}, checkIP(s, ip)
	}
	if err := checkDNS(host); err != nil {
		return Address{}, err
	}
	return Address{Host: host, Module: module}, nil
}

// CheckAddress refuses what ParseAddress refuses.
func CheckAddress(s string) error {
	_, err := ParseAddress(s)
	return err
}

// String gives the text that ParseAddress reads.
func (a Address) String() string {
	if a.Module == "" {
		return a.Host
	}
	if strings.Contains(a.Host, ":") {
		return "[" + a.Host + "]::" + a.Module
	}
	return a.Host + "::" + a.Module
}

// cutModule splits at the "::" after the host, or after its closing bracket.
func cutModule(s string) (host, module string, found bool) {
	from := 0
	if strings.HasPrefix(s, "[") {
		if from = strings.IndexByte(s, ']'); from < 0 {
			return s, "", false
		}
	}
	before, after, found := strings.Cut(s[from:], "::")
	return s[:from] + before, after, found
}

func checkIP(s string, ip netip.Addr) error {
	if ip.Zone() != "" {
		return &Error{What: whatAddress, Value: s, Reason: "it has a zone; use an address that is valid without one, or a name"}
	}
	return nil
}

// checkDNS accepts the names that resolvers accept, underscores included.
func checkDNS(s string) error {
	refuse := func(reason string) error { return &Error{What: whatAddress, Value: s, Reason: reason} }
	const allowed = "give a DNS name or an IP address"
	if s == "" {
		return refuse("it is empty; " + allowed)
	}
	if len(s) > 253 {
		return refuse("it has more than 253 characters; " + allowed)
	}
	if strings.Contains(s, ":") {
		return refuse("it has a colon; give the port separately, and an rsync daemon's module as host::module")
	}
	labels := strings.Split(strings.TrimSuffix(s, "."), ".")
	for _, label := range labels {
		if label == "" {
			return refuse("it has an empty part between dots; " + allowed)
		}
		if len(label) > 63 {
			return refuse("a part between dots has more than 63 characters; " + allowed)
		}
		for i := range len(label) {
			if b := label[i]; !isAlnum(b) && b != '_' && (b != '-' || i == 0) {
				return refuse("it has " + describe(label, i) + "; " + allowed)
			}
		}
	}
	if _, err := netip.ParseAddr(s); err != nil && looksNumeric(labels) {
		return refuse("it is neither a name nor a complete IP address; " + allowed)
	}
	return nil
}

// looksNumeric tells whether the last part is a number: no top-level domain
// is, and resolvers read such a name as an odd spelling of an IPv4 address
// (127.1, 0x7f000001).
func looksNumeric(labels []string) bool {
	_, err := strconv.ParseUint(labels[len(labels)-1], 0, 64)
	return err == nil
}

// A Jump is the ssh jump host on the way to a host.
type Jump struct {
	User string
	Host string
	Port int
}

// ParseJump reads [USER@]HOST[:PORT]; an IPv6 address with a port needs
// brackets. User is empty and Port 0 where not given.
func ParseJump(s string) (Jump, error) {
	var j Jump
	rest := s
	if user, after, found := strings.Cut(s, "@"); found {
		if err := CheckUser(user); err != nil {
			return Jump{}, err
		}
		j.User, rest = user, after
	}
	if host, port, found := cutPort(rest); found {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return Jump{}, &Error{What: "a jump host", Value: s, Reason: "its port is not a number from 1 to 65535; write [USER@]HOST[:PORT]"}
		}
		j.Port, rest = int(n), host
	}
	address, err := ParseAddress(rest)
	if err != nil {
		return Jump{}, err
	}
	if address.Module != "" {
		return Jump{}, &Error{What: "a jump host", Value: s, Reason: "it names an rsync module; write [USER@]HOST[:PORT]"}
	}
	j.Host = address.Host
	return j, nil
}

// CheckJump refuses what ParseJump refuses.
func CheckJump(s string) error {
	_, err := ParseJump(s)
	return err
}

// cutPort splits off ":port", unless the colon belongs to a bare IPv6 address.
func cutPort(s string) (host, port string, found bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.Contains(s[:i], ":") && !strings.HasSuffix(s[:i], "]") {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}
