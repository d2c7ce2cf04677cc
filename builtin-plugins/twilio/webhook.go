package twilio

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/wit"
)

// empty is an answer in TwiML that does nothing: what there is to say comes later.
const empty = `<?xml version="1.0" encoding="UTF-8"?><Response/>`

// maxFiles is how many files a message has at most (Twilio's Request to your Webhook URL, "Media-related parameters").
const maxFiles = 10

// called takes what Twilio's call brings; the kernel has checked its signature. It is a message, or what became of one.
func called(a *answer, call *wit.WebhookRequest) {
	text := empty
	a.Out.Reply = &wit.WebhookReply{Status: 200, Headers: []wit.Header{{Name: "Content-Type", Value: "text/xml"}}, Text: &text}
	if call.Text == nil {
		return
	}
	f := form.Parse(*call.Text)
	id := f.Get("MessageSid")
	if !isSID(id) || f.Get("AccountSid") != a.Settings.account {
		a.Host.Warn("twilio: a call is not about a message of this account and is passed over")
		return
	}
	if status := f.Get("MessageStatus"); status != "" && status != "received" {
		told(a, id, status, f, form.Parse(call.Query).Get("key"))
		return
	}
	if to := f.Get("To"); to != a.Settings.from && f.Get("MessagingServiceSid") != a.Settings.from {
		a.Host.Warn("twilio: a message to another number than from is passed over: give that number an account of its own, with its own webhook")
		return
	}
	if a.State.behind { // what was missed is older: it is taken from the list, in order
		a.State.again = true
		return
	}
	if !a.State.noted(id) {
		return
	}
	var files []wit.Attachment
	count, _ := strconv.Atoi(f.Get("NumMedia"))
	for i := range min(count, maxFiles) {
		n := strconv.Itoa(i)
		if url := f.Get("MediaUrl" + n); url != "" {
			files = append(files, a.file(url, f.Get("MediaContentType"+n)))
		}
	}
	a.received(pending{id: id, from: f.Get("From"), text: f.Get("Body"), time: a.Now}, files, f.Get("OptOutType"))
}
