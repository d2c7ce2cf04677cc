package ntfy_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest"
	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/ntfy/ntfytest"
)

func TestStorm(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages, channeltest.Upgrades, channeltest.Limits)
	storm.Run(t, storm.Crowd(t, ntfytest.NewCrowd), "..", storm.Options{})
}
