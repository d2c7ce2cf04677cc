package main

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/mqtt/mqtttest"
)

// question is how docs/mqtt.md publishes one.
var question = regexp.MustCompile(`^mosquitto_pub -q 1 -t (\S+) -m (\S+)\n$`)

// TestMQTTPage does what docs/mqtt.md says, in order, as somebody new does: the account, a question, a pairing, and an answer.
func TestMQTTPage(t *testing.T) {
	state := stateDir(t)
	server, err := mqtttest.Listen(mqtttest.Config{Users: map[string]string{"assistant": "the assistant's"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	t.Setenv("MQTT_PASSWORD", "the assistant's")
	serve(t, state)
	bin, ran, code := path(t), 0, ""
	for _, b := range blocks(t, "docs/mqtt.md") {
		switch {
		case b.language == "sh" && b.kind == "ask":
			asked := question.FindStringSubmatch(b.text)
			if asked == nil {
				t.Fatalf("the page asks by %q", b.text)
			}
			server.Publish(asked[1], asked[2])
			await(t, "the code", func() bool {
				found := regexp.MustCompile(`approve mqtt (\S+)`).FindStringSubmatch(strings.Join(server.Texts("assistant/kitchen/out"), "\n"))
				if found != nil {
					code = strings.Trim(found[1], "`.")
				}
				return code != ""
			})
		case b.language == "console":
			ran += play(t, state, bin, b.text, strings.NewReplacer("tcp://127.0.0.1:1883", server.URL(), "CODE", code))
		default:
			t.Errorf("nothing checks this block:\n%s", b.text)
		}
	}
	if ran != 4 {
		t.Errorf("%d commands", ran)
	}
	server.Publish("assistant/kitchen/in", "what is 3*4?")
	await(t, "the answer", func() bool {
		return slices.ContainsFunc(server.Texts("assistant/kitchen/out"), func(text string) bool { return strings.Contains(text, "12") })
	})
	if got := server.Texts("assistant/kitchen/out"); !slices.Contains(got, "Dinner is ready") {
		t.Errorf("the kitchen hears %q", got)
	}
}
