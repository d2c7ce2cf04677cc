package signal_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/signal/signaltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

func TestStorm(t *testing.T) {
	channeltest.Proves(t, channeltest.Limits)
	storm.Run(t, storm.Crowd(t, signaltest.NewCrowd), "..", storm.Options{})
}
