// Package header knows the HTTP headers by which a request says that it is made for somebody else: a gateway that is asked
// tells by them who is local, and one that asks does not let a plugin set them. Names are in canonical form.
package header

import "strings"

// ForWhom reports whether a header says for whom a request is made: a server that believes it takes who sends it for a proxy,
// and the word that it says for an address.
func ForWhom(name string) bool {
	return begins(name, "Forwarded", "X-Forwarded", "X-Original-Forwarded", "X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip",
		"True-Client-Ip", "Cf-Connecting-Ip", "Fly-Client-Ip", "Fastly-Client-Ip", "Via")
}

// ByProxy reports whether a header is one that a reverse proxy or a tunnel adds: all of ForWhom, and what some vendors say
// besides.
func ByProxy(name string) bool {
	return ForWhom(name) || begins(name, "Cf-", "Fly-", "Fastly-", "Tailscale-")
}

func begins(name string, signs ...string) bool {
	for _, sign := range signs {
		if strings.HasPrefix(name, sign) {
			return true
		}
	}
	return false
}
