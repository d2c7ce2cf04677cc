package webchat_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest"
	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/webchat/webchattest"
)

func TestStorm(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages, channeltest.Upgrades)
	storm.Run(t, storm.Crowd(t, webchattest.NewCrowd), "..", storm.Options{})
}
