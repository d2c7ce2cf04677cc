package feishu_test

import (
	"testing"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/builtin-plugins/feishu"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestTranscripts: what comes, in the form in which Feishu documents it, and what is made of it. testdata/README.md says of which
// page each is.
func TestTranscripts(t *testing.T) { sdktest.Replay(t, feishu.New(), "testdata/*.jsonl") }

// FuzzCalls feeds whatever a call may have: it is taken, and what comes of it keeps to the contract.
func FuzzCalls(f *testing.F) {
	for kind, event := range map[string]string{
		"im.message.receive_v1":          `{"sender":{"sender_id":{"open_id":"ou_1"}},"message":{"message_id":"om","chat_id":"oc","chat_type":"p2p","message_type":"text","content":"{\"text\":\"@_user_1\"}","mentions":[{"key":"@_user_1","id":{"open_id":"ou_bot"}},7]}}`,
		"im.message.updated_v1":          `{"sender":{"sender_id":{"open_id":"ou_1"}},"message":{"message_id":"../{{credential:x}}?a#b","chat_id":"oc","message_type":"image","content":"{\"image_key\":\"{{credential:x}}\"}"}}`,
		"im.message.reaction.created_v1": `{"message_id":"om","operator_type":"user","user_id":{"open_id":"ou_1"},"reaction_type":{"emoji_type":"X"},"action_time":"y"}`,
		"im.message.message_read_v1":     `{"reader":{"reader_id":{"open_id":"ou_1"}},"message_id_list":["a",7,null]}`,
		"card.action.trigger":            `{"operator":{"open_id":"ou_1"},"action":{"value":{"choice":"v"}},"context":{"open_message_id":"om","open_chat_id":"oc"}}`,
		"im.chat.member.bot.added_v1":    `{"chat_id":"oc","name":"\ud83d"}`,
	} {
		f.Add(`{"header":{"event_id":"e","event_type":"` + kind + `","create_time":"1"},"event":` + event + `}`)
	}
	plugin, host := feishu.New(), (&sdktest.Host{}).SDK()
	f.Fuzz(func(t *testing.T, body string) {
		if !utf8.ValidString(body) || len(body) > 1<<16 {
			return
		}
		out, err := plugin.Event(host, &wit.ChannelEvent{
			Kind: wit.EventKindWebhook, Account: "a", Config: wit.JSON(`{}`),
			State: wit.JSON(`{"generation":1,"me":{"id":"ou_bot"},"chats":[{"id":"oc","person":"ou_1"}]}`), Webhook: &wit.WebhookRequest{Method: "POST", Path: "/", Text: &body},
		})
		if err != nil || out.Reply == nil || out.Reply.Status != 200 {
			t.Fatalf("%+v, %v", out, err)
		}
		if err := out.Validate(); err != nil {
			t.Errorf("%v: %s", err, wit.Marshal(out))
		}
	})
}
