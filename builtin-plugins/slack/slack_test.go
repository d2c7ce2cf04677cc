package slack_test

import (
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/slack"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/json"
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

// TestAConnectionThatHasLasted is followed by another one at once, however many have ended before: behind a proxy that ends each after
// half a minute the account does not wait longer and longer. One that ends at once does.
func TestAConnectionThatHasLasted(t *testing.T) {
	const now = 1_764_000_000_000
	for lived, opens := range map[int64]bool{30_000: true, 1000: false} {
		state := json.Object{}.Int("generation", 3).Int("failures", 5).Text("socket", "a").Int("since", now-lived).JSON()
		got, err := slack.New().Event((&sdktest.Host{}).SDK(), &wit.ChannelEvent{
			Kind: wit.EventKindClosed, Account: "default", Config: wit.JSON(`{}`), State: state, Now: now, Connection: new("a"), Closed: &wit.Closed{Reason: "cut"},
		})
		if err != nil || (len(got.Requests) == 1) != opens {
			t.Errorf("after %d ms: %+v %v", lived, got, err)
		}
	}
}
