package gateway

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/auth"
)

// originAllowed decides about a WebSocket of a browser, which alone sends an Origin: the page must come
// from the host that it connects to, or be configured. The host must be a name that is ours, since a
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
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") {
		return false
	}
	host := auth.Hostname(r.Host)
	if !strings.EqualFold(u.Hostname(), host) {
		return false
	}
	return auth.LoopbackName(host) || net.ParseIP(host) != nil ||
		slices.ContainsFunc(hosts, func(h string) bool { return strings.EqualFold(h, host) })
}
