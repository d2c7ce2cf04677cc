package kernel

import (
	"net/netip"
	"testing"

	"github.com/carapace-gateway/carapace/wit"
)

func TestTailnetAddress(t *testing.T) {
	lan, tail := netip.MustParseAddr("192.168.1.5"), netip.MustParseAddr("100.101.102.103")
	if got, err := tailnet([]netip.Addr{lan, tail}); err != nil || got != "100.101.102.103" {
		t.Errorf("%s, %v", got, err)
	}
	if _, err := tailnet([]netip.Addr{lan, netip.MustParseAddr("100.128.0.1")}); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("without one: %v", err)
	}
}
