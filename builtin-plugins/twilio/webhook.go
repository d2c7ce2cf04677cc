package twilio

import (
	"strconv"

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
	f := parseForm(*call.Text)
	id := f.get("MessageSid")
	if !isSID(id) || f.get("AccountSid") != a.Settings.account {
		a.Host.Warn("twilio: a call is not about a message of this account and is passed over")
		return
	}
	if status := f.get("MessageStatus"); status != "" && status != "received" {
		told(a, id, status, f, parseForm(call.Query).get("key"))
		return
	}
	if to := f.get("To"); to != a.Settings.from && f.get("MessagingServiceSid") != a.Settings.from {
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
	count, _ := strconv.Atoi(f.get("NumMedia"))
	for i := range min(count, maxFiles) {
		n := strconv.Itoa(i)
		if url := f.get("MediaUrl" + n); url != "" {
			files = append(files, a.file(url, f.get("MediaContentType"+n)))
		}
	}
	a.received(pending{id: id, from: f.get("From"), text: f.get("Body"), time: a.Now}, files, f.get("OptOutType"))
}
