package webchat_test

import (
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/webchat/webchattest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

func TestStorm(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages, channeltest.Upgrades)
	storm.Run(t, storm.Crowd(t, webchattest.NewCrowd), "..", storm.Options{})
}

// TestUpgrade: the plugin is replaced while visitors talk; the streams of their pages stay, and nothing is lost or comes twice.
func TestUpgrade(t *testing.T) {
	channeltest.Proves(t, channeltest.Upgrades)
	c := storm.Crowd(t, webchattest.NewCrowd)
	const visitors = 5
	storm.RunUpgrades(t, c, "..", visitors, 40*time.Millisecond)
	if n := c.Streams(); n != visitors {
		t.Errorf("%d visitors had %d streams", visitors, n)
	}
}
