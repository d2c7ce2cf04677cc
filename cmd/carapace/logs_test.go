package main

import (
	"testing"

	"github.com/carapace-gateway/carapace/kernel/logs"
)

// TestLinesOfAPlugin: its own, and what the gateway says of its accounts and messages; never another's.
func TestLinesOfAPlugin(t *testing.T) {
	for _, c := range []struct {
		from, text string
		want       bool
	}{
		{"plugin.chat", "hello", true},
		{"channel", `channel not connected: account=chat/default state=disconnected reason="it is away"`, true},
		{"delivery", "send failed, retrying: id=1 channel=chat attempt=1", true},
		{"delivery", "send failed, retrying: id=1 channel=chat", true},
		{"channel", "channel connected: account=chats/default", false},
		{"delivery", "send failed, retrying: id=1 channel=chatty attempt=1", false},
		{"plugin.other", "it says: account=chat/default channel=chat", false},
		{"plugins", "plugin live: plugin=chat", false},
	} {
		line := logs.Line{Source: `{"subsystem":"` + c.from + `"}`, Text: c.text}
		if got := (&tail{from: pluginLog("chat")}).concerns(line); got != c.want {
			t.Errorf("%s: %s: %v", c.from, c.text, got)
		}
	}
	if (&tail{from: "delivery"}).concerns(logs.Line{Source: `{"subsystem":"channel"}`, Text: "channel connected: account=delivery/default"}) {
		t.Error("a part of the gateway that is no plugin has accounts")
	}
}
