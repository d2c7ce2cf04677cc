package mqtt_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/mqtt/mqtttest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// until waits for something on a server.
func until(t *testing.T, s *mqtttest.Server, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	if err := s.Wait(ctx, ok); err != nil {
		t.Fatalf("waited in vain until %s; published were %.60q", what, s.Texts("#"))
	}
}

func listen(t *testing.T, config mqtttest.Config) *mqtttest.Server {
	t.Helper()
	s, err := mqtttest.Listen(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func has(s *mqtttest.Server, topic, text string) func() bool {
	return func() bool { return slices.Contains(s.Texts(topic), text) }
}

// TestStorm: a crowd writes while the server does badly, the plugin is upgraded and the gateway starts again.
func TestStorm(t *testing.T) {
	t.Parallel()
	channeltest.Proves(t, channeltest.Outages)
	storm.Run(t, storm.Crowd(t, mqtttest.NewCrowd), "..", storm.Options{})
}

// TestUpgrade: the plugin is replaced while messages go through; the connection stays, and nothing is lost or comes twice.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	channeltest.Proves(t, channeltest.Upgrades)
	c := storm.Crowd(t, mqtttest.NewCrowd)
	storm.RunUpgrades(t, c, "..", 5, 20*time.Millisecond)
	if n := c.Connections(); n != 1 {
		t.Errorf("there were %d connections", n)
	}
}
