package slack_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest"
	"github.com/carapace-gateway/carapace/builtin-plugins/slack"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestTranscripts(t *testing.T) { sdktest.Replay(t, slack.New(), "testdata/*.jsonl") }

func TestManifest(t *testing.T) { channeltest.Manifest(t, slack.New()) }

func TestSkip(t *testing.T) {
	event := &wit.ChannelEvent{State: wit.JSON(`{"generation":3,"socket":"a","asked":["U1"],"held":[{"envelope":"e","payload":{}}]}`)}
	got, err := slack.New().(channel.Skipper).Skip((&sdktest.Host{}).SDK(), event)
	if err != nil || string(got.State) != `{"generation":3,"socket":"a"}` {
		t.Errorf("%s, %v", got.State, err)
	}
}
