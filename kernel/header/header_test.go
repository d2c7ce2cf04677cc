package header_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/kernel/header"
)

// TestHeaders: what says for whom a request is made is what a proxy adds, and not the other way round: a plugin may well
// show its pass to a vendor's door.
func TestHeaders(t *testing.T) {
	for name, want := range map[string]struct{ forWhom, byProxy bool }{
		"Forwarded": {true, true}, "X-Forwarded-For": {true, true}, "X-Forwarded-Proto": {true, true}, "X-Original-Forwarded-For": {true, true},
		"X-Real-Ip": {true, true}, "Via": {true, true}, "Cf-Connecting-Ip": {true, true}, "Cf-Connecting-Ipv6": {true, true}, "Fly-Client-Ip": {true, true},
		"Cf-Ray": {false, true}, "Cf-Access-Client-Id": {false, true}, "Tailscale-User-Login": {false, true}, "Fastly-Ssl": {false, true},
		"Authorization": {}, "X-Api-Key": {}, "Origin": {}, "X-For": {},
	} {
		if header.ForWhom(name) != want.forWhom || header.ByProxy(name) != want.byProxy {
			t.Errorf("%s: for whom %v, by a proxy %v", name, header.ForWhom(name), header.ByProxy(name))
		}
	}
}
