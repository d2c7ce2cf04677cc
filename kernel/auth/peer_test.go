package auth_test

import (
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/auth"
)

// TestPeer: only a trusted proxy is believed about its client, and only this machine's own programs are local.
func TestPeer(t *testing.T) {
	none, here := auth.Proxies(nil), auth.Proxies{netip.MustParsePrefix("127.0.0.1/32")}
	lan := auth.Proxies{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fe80::/10")}
	hops := func(n int) string { return "203.0.113.9" + strings.Repeat(", 10.9.9.9", n) }
	tests := []struct {
		name, remote, host string
		proxies            auth.Proxies
		header             [2]string
		want               auth.Peer
	}{
		{"this machine", "127.0.0.1:1", "localhost:18789", none, [2]string{}, auth.Peer{RemoteIP: "127.0.0.1", Local: true}},
		{"in the process", "pipe", "127.0.0.1", none, [2]string{}, auth.Peer{RemoteIP: "127.0.0.1", Local: true}},
		{"by another name", "127.0.0.1:1", "evil.example.org", none, [2]string{}, auth.Peer{RemoteIP: "127.0.0.1"}},
		{"another machine", "203.0.113.9:1", "localhost", none, [2]string{}, auth.Peer{RemoteIP: "203.0.113.9"}},
		{"an untold proxy", "127.0.0.1:1", "localhost", none, [2]string{"X-Forwarded-For", "203.0.113.9"}, auth.Peer{RemoteIP: "127.0.0.1", Proxied: true}},
		{"its empty header", "127.0.0.1:1", "localhost", none, [2]string{"X-Forwarded-For", ""}, auth.Peer{RemoteIP: "127.0.0.1", Proxied: true}},
		{"a stranger's claim", "203.0.113.9:1", "localhost", here, [2]string{"X-Forwarded-For", "127.0.0.1"}, auth.Peer{RemoteIP: "203.0.113.9", Proxied: true}},
		{"other proxies' headers", "127.0.0.1:1", "localhost", none, [2]string{"Tailscale-User-Login", "x"}, auth.Peer{RemoteIP: "127.0.0.1", Proxied: true}},
		{"a told proxy", "127.0.0.1:1", "localhost", here, [2]string{"X-Forwarded-For", "203.0.113.9"}, auth.Peer{RemoteIP: "203.0.113.9"}},
		{"by IPv6", "[::1]:1", "localhost", here, [2]string{"X-Forwarded-For", "[2001:db8::7]:443"}, auth.Peer{RemoteIP: "2001:db8::7"}},
		{"that says nothing", "127.0.0.1:1", "127.0.0.1:18789", here, [2]string{}, auth.Peer{RemoteIP: "127.0.0.1", Proxied: true}},
		{"that says nonsense", "127.0.0.1:1", "localhost", here, [2]string{"X-Forwarded-For", "203.0.113.9, unknown"}, auth.Peer{RemoteIP: "127.0.0.1", Proxied: true}},
		{"whose client lies", "127.0.0.1:1", "localhost", here, [2]string{"X-Forwarded-For", "127.0.0.1, 198.51.100.1, 203.0.113.9"}, auth.Peer{RemoteIP: "203.0.113.9"}},
		{"whose client is here", "127.0.0.1:1", "localhost", here, [2]string{"X-Forwarded-For", "127.0.0.1"}, auth.Peer{RemoteIP: "127.0.0.1", Proxied: true}},
		{"two in a row", "10.0.0.2:1", "localhost", lan, [2]string{"X-Forwarded-For", "203.0.113.9, 10.9.9.9"}, auth.Peer{RemoteIP: "203.0.113.9"}},
		{"fifteen in a row", "10.0.0.2:1", "localhost", lan, [2]string{"X-Forwarded-For", hops(15)}, auth.Peer{RemoteIP: "203.0.113.9"}},
		{"too many in a row", "10.0.0.2:1", "localhost", lan, [2]string{"X-Forwarded-For", hops(16)}, auth.Peer{RemoteIP: "10.0.0.2", Proxied: true}},
		{"of an interface", "[fe80::1%eth0]:1", "localhost", lan, [2]string{"X-Forwarded-For", "203.0.113.9"}, auth.Peer{RemoteIP: "203.0.113.9"}},
		{"in IPv6's form", "[::ffff:10.0.0.2]:1", "localhost", lan, [2]string{"X-Forwarded-For", "203.0.113.9"}, auth.Peer{RemoteIP: "203.0.113.9"}},
		{"no address", "@", "localhost", lan, [2]string{}, auth.Peer{RemoteIP: "@"}},
		{"a proxy elsewhere", "127.0.0.1:1", "localhost", lan, [2]string{}, auth.Peer{RemoteIP: "127.0.0.1", Local: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			q := httptest.NewRequest("GET", "/", nil)
			q.RemoteAddr, q.Host = tt.remote, tt.host
			if tt.header[0] != "" {
				q.Header.Set(tt.header[0], tt.header[1])
			}
			if got := tt.proxies.Peer(q); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}
