package telegram

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// maxPendingTime is how long a webhook's message may wait for Telegram to bring it again, in milliseconds.
// Then another one may take its place.
const maxPendingTime = 5 * 60_000

// handleWebhook takes the one update that Telegram posts; the kernel has checked its secret. An update with
// files is turned away at first, since only a message, and not what waits to become one, is sure to be on
// disk when Telegram is told that it arrived. Telegram repeats what was not answered with 2xx (setWebhook);
// by then it is known where the files are.
func handleWebhook(a *answer, call *wit.WebhookRequest) {
	a.Out.Reply = &wit.WebhookReply{Status: 200}
	if call.Text == nil {
		return
	}
	v, err := json.ParseText(*call.Text)
	if err != nil {
		a.Host.Warn("telegram: a webhook call was not JSON and is passed over")
		return
	}
	id, p := v.Get("update_id").Int(), a.State.pending
	if p != nil && p.update == id && !p.files.missing() {
		a.message(p.message)
		a.State.pending = nil
		return
	}
	in := receive(a, v)
	switch {
	case in == nil:
	case !in.mustWait():
		a.message(in.message)
	default:
		a.Out.Reply = &wit.WebhookReply{Status: 503, Headers: []wit.Header{{Name: "Retry-After", Value: "1"}}}
		if p == nil || a.Now-p.since > maxPendingTime {
			a.State.pending = &pending{message: in.message, files: in.files, update: id, since: a.Now}
			resume(a)
		}
	}
}
