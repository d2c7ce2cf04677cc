package signal_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest"
	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/signal/signaltest"
)

func TestStorm(t *testing.T) {
	channeltest.Proves(t, channeltest.Limits)
	storm.Run(t, storm.Crowd(t, signaltest.NewCrowd), "..", storm.Options{})
}
