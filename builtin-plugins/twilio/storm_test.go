package twilio_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/twilio/twiliotest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// public tells a gateway the address that calls are signed for.
const public = `,"gateway":{"publicUrl":"` + twiliotest.PublicURL + `"}`

func TestStorm(t *testing.T) {
	channeltest.Proves(t, channeltest.Outages, channeltest.Upgrades, channeltest.Limits)
	storm.Run(t, storm.Crowd(t, twiliotest.NewCrowd), "..", storm.Options{Fields: public})
}
