package googlechat_test

import (
	"testing"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/builtin-plugins/googlechat"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestTranscripts: what comes, in the form in which Google documents it, and what is made of it.
func TestTranscripts(t *testing.T) { sdktest.Replay(t, googlechat.New(), "testdata/*.jsonl") }

// FuzzCalls feeds whatever a call with a good token may have: it is taken, and what comes of it keeps to the contract.
func FuzzCalls(f *testing.F) {
	for _, body := range []string{
		`{"type":"MESSAGE","space":{"name":"spaces/x","type":"DM"},"message":{"name":"m","sender":{"name":"users/1"},"text":"x","attachment":[{},{"attachmentDataRef":{"resourceName":"../{{credential:x}}?a#b"}}],"quotedMessageMetadata":{"name":7},"annotations":{"a":1}}}`,
		`{"type":"CARD_CLICKED","space":{"name":"s"},"user":{"name":"u"},"message":{"name":"m"},"action":{"parameters":[{"key":"carapace","value":"v"},7]},"eventTime":"x"}`,
		`{"type":"ADDED_TO_SPACE","space":{"name":"s"},"message":7}`,
		`{"chat":1}`,
	} {
		f.Add(body)
	}
	plugin, host := googlechat.New(), (&sdktest.Host{}).SDK()
	f.Fuzz(func(t *testing.T, body string) {
		if !utf8.ValidString(body) || len(body) > 1<<16 {
			return
		}
		out, err := plugin.Event(host, &wit.ChannelEvent{
			Kind: wit.EventKindWebhook, Account: "a", Config: wit.JSON(`{"projectNumber":"1"}`), State: wit.JSON(`{"generation":1}`),
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
