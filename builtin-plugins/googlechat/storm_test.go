package googlechat_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/googlechat/googlechattest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

func TestStorm(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages, channeltest.Upgrades, channeltest.Limits)
	storm.Run(t, storm.Crowd(t, googlechattest.NewCrowd), "..", storm.Options{People: 20})
}
