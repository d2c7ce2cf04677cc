package gateway

import (
	"cmp"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/auth"
)

// originAllowed decides about a WebSocket of a browser, which alone sends an Origin: the page must come
// from the host and port that it connects to, or be configured. The host must be a name that is ours, since a
// page can give any name of its own the address of this machine.
func originAllowed(r *http.Request, origins, hosts []string) bool {
	origin := r.Header.Get("Origin")
	if origin == "" {
		return true
	}
	if slices.ContainsFunc(origins, func(o string) bool { return strings.EqualFold(strings.TrimRight(o, "/"), origin) }) {
		return true
	}
	u, err := url.Parse(origin)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil {
		return false
	}
	// Behind a proxy that speaks TLS the gateway sees neither the scheme nor, if it is the usual one, the port.
	usual := map[string]string{"http": "80", "https": "443"}[u.Scheme]
	host := auth.Hostname(r.Host)
	if !strings.EqualFold(u.Hostname(), host) || cmp.Or(u.Port(), usual) != cmp.Or(port(r.Host), usual) {
		return false
	}
	return ours(host, hosts)
}

// ours reports whether a host's name can be this gateway's: nobody else can have it lead here.
func ours(host string, hosts []string) bool {
	return auth.LoopbackName(host) || net.ParseIP(host) != nil ||
		slices.ContainsFunc(hosts, func(h string) bool { return strings.EqualFold(h, host) })
}

// port returns the port of a Host header, "" for the usual one.
func port(host string) string {
	_, port, err := net.SplitHostPort(host)
	if err != nil {
		return ""
	}
	return port
}
