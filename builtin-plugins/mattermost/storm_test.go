package mattermost_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/mattermost/mattermosttest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

func TestStorm(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages, channeltest.Upgrades, channeltest.Limits)
	crowd := storm.Crowd(t, mattermosttest.NewCrowd)
	crowd.Endless = true
	storm.Run(t, crowd, "..", storm.Options{})
	t.Log(crowd.Troubles(), crowd.Stats())
}
