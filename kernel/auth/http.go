package auth

import (
	"net"
	"net/http"
	"strings"
)

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
