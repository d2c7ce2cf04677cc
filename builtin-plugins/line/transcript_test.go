package line_test

import (
	"testing"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/builtin-plugins/line"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestTranscripts: what comes, in the form in which LINE documents it, and what is made of it.
func TestTranscripts(t *testing.T) { sdktest.Replay(t, line.New(), "testdata/*.jsonl") }

// FuzzCalls feeds whatever a signed call may have: it is taken, and what comes of it keeps to the contract.
func FuzzCalls(f *testing.F) {
	for _, event := range []string{
		`"type":"message","source":{"type":"user","userId":"U1"},"replyToken":"r","message":{"id":"1","type":"text","text":"@a b","quoteToken":"q","mention":{"mentionees":[{"index":0,"length":-1,"isSelf":true},7]}}`,
		`"type":"message","source":{"type":"group","groupId":"../{{credential:x}}?a#b","userId":"U1"},"message":{"id":"{{credential:x}}","type":"image","contentProvider":{"type":"line"}}`,
		`"type":"message","source":{"type":"room","roomId":"R1"},"message":{"id":"1","type":"location","latitude":"x","longitude":[1]}`,
		`"type":"memberJoined","source":{"type":"group","groupId":"C1"},"joined":{"members":[{"userId":"U1"},7,null]}`,
		`"type":"unsend","source":{"type":"user","userId":"U1"},"unsend":{"messageId":"1"}`,
		`"type":"postback","source":{"type":"user","userId":"U1"},"postback":{"data":"choice:"}`,
	} {
		f.Add(`{"events":[{"webhookEventId":"e","timestamp":1,` + event + `}]}`)
	}
	plugin, host := line.New(), (&sdktest.Host{}).SDK()
	f.Fuzz(func(t *testing.T, body string) {
		if !utf8.ValidString(body) || len(body) > 1<<16 {
			return
		}
		out, err := plugin.Event(host, &wit.ChannelEvent{
			Kind: wit.EventKindWebhook, Account: "a", Config: wit.JSON(`{}`), State: wit.JSON(`{"generation":1}`), Webhook: &wit.WebhookRequest{Method: "POST", Path: "/", Text: &body},
		})
		if err != nil || out.Reply == nil || out.Reply.Status != 200 {
			t.Fatalf("%+v, %v", out, err)
		}
		if err := out.Validate(); err != nil {
			t.Errorf("%v: %s", err, wit.Marshal(out))
		}
	})
}
