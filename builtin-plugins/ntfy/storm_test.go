package ntfy_test

import (
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/ntfy/ntfytest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

func TestStorm(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages, channeltest.Upgrades, channeltest.Limits)
	storm.Run(t, storm.Crowd(t, ntfytest.NewCrowd), "..", storm.Options{})
}

// TestUpgrade: the plugin is replaced while messages go through; the connection stays, and nothing is lost or comes twice.
func TestUpgrade(t *testing.T) {
	channeltest.Proves(t, channeltest.Upgrades)
	c := storm.Crowd(t, ntfytest.NewCrowd)
	storm.RunUpgrades(t, c, "..", 5, 40*time.Millisecond)
	if n := c.Opened(); n != 1 {
		t.Errorf("%d websockets were opened", n)
	}
}
