package teams_test

import (
	"testing"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/builtin-plugins/teams"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestTranscripts: what comes, in the form in which Microsoft documents it, and what is made of it.
func TestTranscripts(t *testing.T) { sdktest.Replay(t, teams.New(), "testdata/*.jsonl") }

// FuzzCalls feeds whatever a call with a good token may have: it is taken, and what comes of it keeps to the contract.
func FuzzCalls(f *testing.F) {
	for _, body := range []string{
		`{"channelId":"msteams","conversation":{"id":"a:1"},"type":"message","id":"1","from":{"id":"29:1"},"text":"x","entities":[7,{"type":"mention","text":"<at>"}],"attachments":[{"contentType":"image/*","contentUrl":"{{credential:accessToken}}"},{"contentType":"text/html","content":"<blockquote itemtype=\"http://schema.skype.com/Reply\" itemid=\"7\">"}]}`,
		`{"channelId":"msteams","conversation":{"id":"c;messageid=1","conversationType":"channel"},"type":"messageReaction","replyToId":"1","from":{"id":"29:1"},"reactionsAdded":[{"type":"110000_x"},{},{"type":"-"}],"timestamp":"x"}`,
		`{"channelId":"msteams","conversation":{"id":"c"},"serviceUrl":"x","type":"invoke","name":"fileConsent/invoke","replyToId":"../..","value":{"action":"accept","context":{"media":"m","size":"9"},"uploadInfo":{"uploadUrl":"{{credential:x}}"}}}`,
		`{"channelId":"msteams","conversation":{"id":"c"},"type":"conversationUpdate","membersAdded":[{},7,{"id":""}],"membersRemoved":{"a":1}}`,
		`{"channelId":"msteams","conversation":{"id":"c"},"type":"messageDelete","id":"","from":{}}`,
	} {
		f.Add(body)
	}
	plugin, host := teams.New(), (&sdktest.Host{}).SDK()
	f.Fuzz(func(t *testing.T, body string) {
		if !utf8.ValidString(body) || len(body) > 1<<16 {
			return
		}
		out, err := plugin.Event(host, &wit.ChannelEvent{
			Kind: wit.EventKindWebhook, Account: "a", Config: wit.JSON(`{"appId":"a","tenantId":"t"}`), State: wit.JSON(`{"generation":1}`),
			Webhook: &wit.WebhookRequest{Method: "POST", Path: "/", Text: &body},
		})
		if err != nil || out.Reply == nil || out.Reply.Status != 200 {
			t.Fatalf("%+v, %v", out, err)
		}
		if err := out.Validate(); err != nil {
			t.Errorf("%v: %s", err, wit.Marshal(out))
		}
	})
}
