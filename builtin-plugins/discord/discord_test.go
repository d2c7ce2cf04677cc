package discord_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/builtin-plugins/discord"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

func TestTranscripts(t *testing.T) { sdktest.Replay(t, discord.New(), "testdata/*.jsonl") }

func TestManifest(t *testing.T) {
	if f := channeltest.Manifest(t, discord.New()); f.MaxLength+uint32(len("[for a closed thread]\n")) > 2000 || f.LengthUnit != wit.LengthUnitUTF16 || !f.Deduplicates {
		t.Errorf("%+v", f)
	}
}

func TestSkip(t *testing.T) {
	host := (&sdktest.Host{}).SDK()
	got, err := discord.New().(channel.Skipper).Skip(host, &wit.ChannelEvent{
		Kind: wit.EventKindMessage, State: wit.JSON(`{"generation":3,"seq":5,"session":"a"}`),
		Message: &wit.Frame{Text: new(`{"op":0,"s":6,"t":"MESSAGE_CREATE","d":{}}`)},
	})
	if err != nil || string(got.State) != `{"generation":3,"seq":6,"session":"a"}` {
		t.Errorf("%s, %v", got.State, err)
	}
	if got, err = discord.New().(channel.Skipper).Skip(host, &wit.ChannelEvent{Kind: wit.EventKindResponse,
		State: wit.JSON(`{"generation":3,"held":[{"name":"MESSAGE_CREATE","seq":1,"data":{"channel_id":"5"}}]}`)}); err != nil || string(got.State) != `{"generation":3}` {
		t.Errorf("%s, %v", got.State, err)
	}
}

// FuzzFrames feeds whatever a gateway may say: nothing fails, and the answer keeps to its bounds.
func FuzzFrames(f *testing.F) {
	for _, seed := range []string{
		`{"op":10,"d":{"heartbeat_interval":-1}}`, `{"op":9,"d":false}`, `{"op":7}`, `{"op":1}`, `{"op":11}`, `[]`, `{"op":0,"t":"READY","s":1,"d":{}}`,
		`{"op":0,"t":"MESSAGE_CREATE","s":9,"d":{"id":"7","channel_id":"5","guild_id":"6","channel_type":11,"content":"<@1> <:a:2> <t:99> <","author":{"id":"8"}}}`,
		`{"op":0,"t":"MESSAGE_CREATE","s":9,"d":{"id":"7","channel_id":"5","content":"x","author":{"id":"8"},"message_snapshots":[{"message":{}}],"attachments":[{"url":"http://x"}],"sticker_items":[{}],"message_reference":{"message_id":"1"},"referenced_message":{}}}`,
		`{"op":0,"t":"INTERACTION_CREATE","s":"9","d":{"id":"7","token":"t","type":2,"channel_id":"5","data":{"name":"ask","options":[{"value":"x"}]},"user":{"id":"8"}}}`,
		`{"op":0,"t":"GUILD_CREATE","s":2,"d":{"id":"6","channels":[{"id":"5","type":0}],"threads":[{"id":"9","type":11,"parent_id":"5"}],"members":[{"user":{"id":"1"},"roles":["2"]}]}}`,
		`{"op":0,"t":"MESSAGE_REACTION_ADD","s":3,"d":{"user_id":"8","channel_id":"5","message_id":"7","guild_id":"6","emoji":{"name":"x"}}}`,
	} {
		f.Add(seed)
	}
	plugin, host := discord.New(), (&sdktest.Host{}).SDK()
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || len(text) > 1<<16 {
			return
		}
		state := wit.JSON(`{"generation":3,"seq":5,"session":"ab","resume":"wss://x.discord.gg","interval":1000,"me":{"id":"1","username":"bot"}}`)
		for range 2 {
			out, err := plugin.Event(host, &wit.ChannelEvent{Kind: wit.EventKindMessage, State: state, Message: &wit.Frame{Text: &text}, Now: 1})
			if err != nil {
				t.Fatal(err)
			}
			if err := out.Validate(); err != nil {
				t.Fatalf("%s: %v", wit.Marshal(out), err)
			}
			for _, frame := range out.Frames {
				if frame.Fill && strings.Count(*frame.Text, "{{") != 1 {
					t.Errorf("filled in: %s", *frame.Text)
				}
			}
			if out.State != nil {
				state = out.State
			}
		}
		if _, err := plugin.Event(host, &wit.ChannelEvent{Kind: wit.EventKindStart, State: state}); err != nil {
			t.Errorf("state %s: %v", state, err)
		}
	})
}
