package channeltest

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/wit"
)

// Manifest returns what plugin.json in the folder of the tested package says of a channel. It fails the test where that is not good, or
// does not name what the plugin can do.
func Manifest(t testing.TB, plugin channel.Channel) *wit.ChannelFacts {
	t.Helper()
	data, err := os.ReadFile("plugin.json")
	if err != nil {
		t.Fatal(err)
	}
	var m wit.Manifest
	if err := wit.UnmarshalStrict(data, &m); err != nil {
		t.Fatal(err)
	}
	if err := m.Validate(); err != nil {
		t.Fatal(err)
	}
	if !json.Valid(m.Config) {
		t.Error("the config schema is not JSON")
	}
	for operation, can := range operations(plugin) {
		if can != slices.Contains(m.Provides.Channel.Operations, operation) {
			t.Errorf("%s: the plugin says %t, its manifest otherwise", operation, can)
		}
	}
	return m.Provides.Channel
}

// operations says which of those that a plugin may lack it has.
func operations(plugin channel.Channel) map[string]bool {
	_, edits := plugin.(channel.Editor)
	_, deletes := plugin.(channel.Deleter)
	_, reacts := plugin.(channel.Reactor)
	_, types := plugin.(channel.Typer)
	_, previews := plugin.(channel.Previewer)
	_, polls := plugin.(channel.Poller)
	_, finds := plugin.(channel.Finder)
	_, skips := plugin.(channel.Skipper)
	_, migrates := plugin.(channel.Migrator)
	_, pages := plugin.(channel.Pager)
	return map[string]bool{
		"edit": edits, "delete": deletes, "react": reacts, "typing": types, "preview": previews, "poll": polls, "directory": finds, "skip": skips,
		"migrate": migrates, "page": pages,
	}
}
