package examples_test

import (
	"fmt"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/pdk-examples/go-mqtt/toymqtt"
)

func mqttConfig(s *toymqtt.Server, delivery string) string {
	return online("go-mqtt", fmt.Sprintf(`"server":%q,"client":"bot","root":"chat"`, s.URL()), delivery)
}

// TestMQTT: what is published to the bot is acknowledged and answered once, also where it comes twice; what the bot
// publishes is sent once it is acknowledged, and published again where the connection broke before.
func TestMQTT(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, toymqtt.Listen)
	l := start(t, []string{"go-mqtt"}, kerneltest.Config(t, mqttConfig(n.toy, "")), kerneltest.Plugin(kerneltest.Echo("echo"))).Listen()
	n.there()
	n.toy.Say("chat/in/ann", "m1", "hello")
	n.toy.Say("chat/in/ann", "m1", "hello")
	n.has("chat/out/ann you said: hello", 1)
	n.toy.Say("chat/in/bob", "m2", "hello too")
	n.has("chat/out/bob you said: hello too", 1)
	finished(l, "sent", 2)
	n.only("chat/out/ann you said: hello", "chat/out/bob you said: hello too")
	n.until("all is acknowledged", func([]string) bool { return n.toy.Acknowledged() == 3 })

	n.toy.Hold(true)
	n.toy.Say("chat/in/ann", "m3", "again")
	n.has("chat/out/ann you said: again", 1)
	if sent := messages(l, "sent"); len(sent) != 2 {
		t.Errorf("sent before it was acknowledged: %q", sent)
	}
	n.toy.Break()
	n.toy.Hold(false)
	n.has("chat/out/ann you said: again", 2)
	finished(l, "sent", 3)
}

// TestMQTTKilled: the gateway is killed before a message was acknowledged, and publishes it again. What came meanwhile it
// gets then.
func TestMQTTKilled(t *testing.T) {
	t.Parallel()
	n, dir := newNetwork(t, toymqtt.Listen), t.TempDir()
	n.toy.Hold(true)
	v := startVictim(t, dir, "go-mqtt", mqttConfig(n.toy, ""))
	n.there()
	n.toy.Say("chat/in/ann", "m1", "hello")
	n.has("chat/out/ann you said: hello", 1)
	v.kill()
	n.toy.Hold(false)
	n.toy.Say("chat/in/bob", "m2", "are you there?")

	l := kerneltest.Start(t, kerneltest.Config(t, mqttConfig(n.toy, "")), kerneltest.Plugin(kerneltest.Echo("echo")),
		kerneltest.StateDir(dir), kerneltest.Compiled(t)).Listen()
	n.has("chat/out/ann you said: hello", 2)
	n.has("chat/out/bob you said: are you there?", 1)
	finished(l, "sent", 2)
}
