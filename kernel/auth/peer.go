package auth

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/header"
)

// Peer is who sends a request, as far as the transport knows.
type Peer struct {
	// RemoteIP is the client's address: the TCP peer's, or what a trusted proxy says.
	RemoteIP string
	// Local is a program on this machine: it came by loopback, through no proxy, and asked for a local name.
	Local bool
	// Proxied says that a proxy is in between whose client is not known: RemoteIP is the proxy's own.
	Proxied bool
}

// bucket is what the limiter counts failures by: this machine's programs, those of a proxy that does not say
// for whom it asks, and each network are apart, so that none pays for another.
func (p Peer) bucket() bucket {
	switch {
	case p.Local:
		return bucket{"local", true}
	case p.Proxied:
		return bucket{"proxy " + p.RemoteIP, false}
	}
	return bucket{network(p.RemoteIP), false}
}

// network is what counts as one address: a host, or in IPv6 the /64 that one host can use freely.
func network(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return ip
	}
	if a = a.Unmap(); a.Is6() {
		p, _ := a.WithZone("").Prefix(64)
		return p.String()
	}
	return a.String()
}

// Proxies are the networks of reverse proxies whose X-Forwarded-For is believed. The zero value trusts none.
type Proxies []netip.Prefix

// trusts reports whether an address is a trusted proxy's. A proxy on this machine may connect by any address of
// loopback, so that one of them stands for all.
func (p Proxies) trusts(ip string) bool {
	a, _ := netip.ParseAddr(ip) // what is no address is in no network
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(p, func(n netip.Prefix) bool { return n.Contains(a) || n.Addr().IsLoopback() && a.IsLoopback() })
}

// Peer says who sends a request. Only a trusted proxy is believed about its client; any other sign of a
// proxy just means that the request is not from this machine.
func (p Proxies) Peer(r *http.Request) Peer {
	ip := Address(r.RemoteAddr)
	switch {
	case p.trusts(ip):
		if client := p.client(r.Header.Values("X-Forwarded-For")); client != "" {
			return Peer{RemoteIP: client}
		}
		return Peer{RemoteIP: ip, Proxied: true}
	case forwarded(r.Header):
		return Peer{RemoteIP: ip, Proxied: true}
	}
	a := net.ParseIP(ip)
	return Peer{RemoteIP: ip, Local: a.IsLoopback() && LoopbackName(Hostname(r.Host))}
}

// maxHops is how many proxies in a row are looked through.
const maxHops = 16

// client returns the last address that no trusted proxy has: each proxy appends whom it heard, and what stands
// before that is the client's own word. It is empty where that is no address.
func (p Proxies) client(headers []string) string {
	hops := strings.Split(strings.Join(headers, ","), ",")
	slices.Reverse(hops)
	for _, hop := range hops[:min(len(hops), maxHops)] {
		ip := Hostname(strings.TrimSpace(hop))
		if _, err := netip.ParseAddr(ip); err != nil {
			return ""
		}
		if !p.trusts(ip) {
			return ip
		}
	}
	return ""
}

// Address returns the IP address in a connection's remote address. A connection inside the process counts as
// loopback.
func Address(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	if host == "pipe" {
		return "127.0.0.1"
	}
	return host
}

// forwarded reports whether a header says that somebody else sent the request first.
func forwarded(h http.Header) bool {
	for name := range h {
		if header.ByProxy(name) {
			return true
		}
	}
	return false
}

// Hostname returns a Host header without its port and brackets.
func Hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.Trim(host, "[]")
}

// LoopbackName reports whether a host name can only mean this machine.
func LoopbackName(name string) bool {
	return strings.EqualFold(name, "localhost") || name == "127.0.0.1" || name == "::1"
}
