package auth

import (
	"net"
	"net/http"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/rpc"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
	"github.com/google/uuid"
)

// HTTP decides about a request by its bearer token: the gateway's token or password gives an admin. In
// mode none a local request without one is the owner's.
//
// Errors: CodeUnauthorized; CodeRateLimited with a delay.
func (a *Auth) HTTP(r *http.Request) (*rpc.Caller, error) {
	ip, local := RemoteIP(r), Local(r)
	if wait := a.limiter.wait(ip); wait > 0 {
		return nil, tooMany(wait)
	}
	given, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	given = strings.TrimSpace(given)
	switch {
	case a.mode == ModeNone && local:
	case bearer && a.shared.matches(given):
		a.limiter.pass(ip)
	default:
		if bearer && given != "" {
			a.limiter.fail(ip, local)
			a.log.Warn("request refused", "ip", ip, "path", r.URL.Path)
		}
		return nil, wit.NewError(wit.CodeUnauthorized, "Unauthorized")
	}
	return &rpc.Caller{
		ConnID: "http:" + uuid.NewString(), Client: wire.Client{ID: "http", Mode: "backend"}, Role: wire.RoleOperator,
		Scopes: []wire.Scope{wire.ScopeAdmin}, RemoteIP: ip, Local: local, Protocol: wire.MaxProtocol,
	}, nil
}

// RemoteIP returns the TCP peer's address. A connection inside the process counts as loopback.
func RemoteIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if host == "pipe" {
		return "127.0.0.1"
	}
	return host
}

// Local reports whether a request comes from this machine by a local name and through no proxy: all
// three, since a browser's page can make this machine ask for any name, and a proxy's peer is loopback.
func Local(r *http.Request) bool {
	ip := net.ParseIP(RemoteIP(r))
	if ip == nil || !ip.IsLoopback() || !LoopbackName(Hostname(r.Host)) {
		return false
	}
	for _, h := range []string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-Ip", "Via", "Cf-Connecting-Ip"} {
		if r.Header.Get(h) != "" {
			return false
		}
	}
	return true
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
