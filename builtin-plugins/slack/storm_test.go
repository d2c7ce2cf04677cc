package slack_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/slack/slacktest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

func TestStormOverASocket(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages, channeltest.Upgrades, channeltest.Limits)
	crowd := storm.Crowd(t, slacktest.NewCrowd)
	crowd.Endless = true
	storm.Run(t, crowd, "..", storm.Options{})
	t.Log(crowd.Troubles())
}

func TestStormOfCalls(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages, channeltest.Upgrades)
	crowd := storm.Crowd(t, slacktest.NewCallingCrowd)
	crowd.Endless = true
	storm.Run(t, crowd, "..", storm.Options{})
	t.Log(crowd.Troubles())
}
