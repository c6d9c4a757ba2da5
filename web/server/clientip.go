package server

import (
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// ParseProxies reads a list of addresses and networks, separated by commas.
func ParseProxies(text string) ([]netip.Prefix, error) {
	return ParseNetworks("web.trusted_proxies", text)
}

// ParseNetworks reads such a list from the setting of that name.
func ParseNetworks(setting, text string) ([]netip.Prefix, error) {
	var list []netip.Prefix
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		if addr, err := netip.ParseAddr(part); err == nil {
			list = append(list, netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()))
			continue
		}
		prefix, err := netip.ParsePrefix(part)
		if err != nil {
			return nil, fmt.Errorf("%s: %q is neither an address nor a network: write 127.0.0.1 or 10.0.0.0/8", setting, part)
		}
		list = append(list, prefix.Masked())
	}
	return list, nil
}

// clientIP gives the address that a request came from. Of what proxies wrote,
// only the part that trusted ones wrote is believed: read from the right, the
// first address that is none of theirs.
func (s *Server) clientIP(r *http.Request) string {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return "unknown"
	}
	addr := peer.Addr().Unmap()
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for _, hop := range slices.Backward(hops) {
		if !s.trusted(addr) {
			break
		}
		next, err := netip.ParseAddr(strings.TrimSpace(hop))
		if err != nil {
			break
		}
		addr = next.Unmap()
	}
	return addr.WithZone("").String()
}

// trusts says whether a route asks no sign-in of the address that a request came
// from. One that was passed on, by a proxy that is none of ours or that does not
// say for whom, could come from anywhere: a proxy on this machine must not make
// everybody trusted.
func (s *Server) trusts(route Route, r *http.Request) bool {
	if len(route.Trusted) == 0 {
		return false
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	addr, err := netip.ParseAddr(s.clientIP(r))
	if err != nil {
		return false
	}
	named := s.trusted(peer.Addr().Unmap()) && !s.trusted(addr)
	if passedOn(r) && !named {
		return false
	}
	return slices.ContainsFunc(route.Trusted, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// passedOn says whether a request has the marks of a proxy.
func passedOn(r *http.Request) bool {
	return slices.ContainsFunc([]string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-Ip", "Forwarded", "Via"},
		func(header string) bool { return r.Header.Get(header) != "" })
}

func (s *Server) trusted(addr netip.Addr) bool {
	return slices.ContainsFunc(s.Proxies, func(p netip.Prefix) bool { return p.Contains(addr) })
}
