package whatsapp_test

import (
	"testing"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/builtin-plugins/whatsapp"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// FuzzCalls feeds whatever a signed call may have: it is taken, and what comes of it keeps to the contract.
func FuzzCalls(f *testing.F) {
	for _, value := range []string{
		`{"contacts":[{"wa_id":"1","user_id":"US.1"}],"messages":[{"from":"1","id":"w","timestamp":"x","type":"text","text":{"body":"a"},"context":{"id":"v"}}]}`,
		`{"messages":[{"from_user_id":"US.1","id":"w","type":"image","image":{"id":"../{{credential:x}}?a#b","mime_type":7}},{"from":"1","id":"v","type":"reaction","reaction":{}}]}`,
		`{"messages":[{"from":"1","id":"w","type":"system","system":{"wa_id":"2","type":"user_changed_number"}},{"from":"1","id":"w","type":"interactive","interactive":{"type":"list_reply"}}]}`,
		`{"statuses":[{"id":"w","status":"failed","biz_opaque_callback_data":"k","recipient_id":"1","errors":[{"code":131047}]},{"status":"read"},7]}`,
		`{"errors":[{}],"messages":[7,null,{"id":{}}],"statuses":{"a":1}}`,
	} {
		f.Add(`{"entry":[{"changes":[{"field":"messages","value":` + `{"metadata":{"phone_number_id":"5"},` + value[1:] + `}]}]}`)
	}
	plugin, host := whatsapp.New(), (&sdktest.Host{}).SDK()
	f.Fuzz(func(t *testing.T, body string) {
		if !utf8.ValidString(body) || len(body) > 1<<16 {
			return
		}
		out, err := plugin.Event(host, &wit.ChannelEvent{
			Kind: wit.EventKindWebhook, Account: "a", Config: wit.JSON(`{"phoneNumberId":"5","template":"t"}`),
			State: wit.JSON(`{"generation":1,"me":{"number":"9"},"people":[{"id":"US.1"},{"id":"1","user":"US.2"}]}`), Webhook: &wit.WebhookRequest{Method: "POST", Path: "/", Text: &body},
		})
		if err != nil || out.Reply == nil || out.Reply.Status != 200 {
			t.Fatalf("%+v, %v", out, err)
		}
		if err := out.Validate(); err != nil {
			t.Errorf("%v: %s", err, wit.Marshal(out))
		}
	})
}
