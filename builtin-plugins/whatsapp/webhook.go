package whatsapp

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// Bounds of one answer, of which a call that brings more is not likely: Meta puts what comes together into one call, up to
// 1,000 updates (Webhooks, "Frequency").
const (
	maxMessages = wit.ChannelAnswerMessagesMax
	maxReceipts = wit.ChannelAnswerReceiptsMax
	maxMoves    = wit.ChannelAnswerMovedMax
	maxTold     = wit.ChannelAnswerConfirmedMax
)

// called takes what Meta's call brings; the kernel has checked its signature. What is not of this number, or of another
// kind than messages, is passed over.
func called(a *answer, call *wit.WebhookRequest) {
	a.Out.Reply = &wit.WebhookReply{Status: 200}
	if call.Text == nil {
		return
	}
	v, err := json.ParseText(*call.Text)
	if err != nil {
		a.Host.Warn("whatsapp: a webhook call was not JSON and is passed over")
		return
	}
	for entry := range v.Get("entry").Items() {
		for change := range entry.Get("changes").Items() {
			if change.Get("field").Text() == "messages" {
				changed(a, change.Get("value"))
			}
		}
	}
	if len(a.Out.Messages) > maxMessages { // it is called again with the same, which does not fit then either
		a.Host.Warn("whatsapp: a webhook call had more messages than can be taken at once; the rest is left out")
		a.Out.Messages = a.Out.Messages[:maxMessages]
	}
	a.Out.Receipts = a.Out.Receipts[:min(len(a.Out.Receipts), maxReceipts)]
	a.Out.Moved = a.Out.Moved[:min(len(a.Out.Moved), maxMoves)]
}

// changed takes one change's value: messages with the names of those who wrote them, what became of messages, and errors
// of the number.
func changed(a *answer, v json.Value) {
	if number := v.Get("metadata", "phone_number_id").Text(); number != a.Settings.phone {
		a.Host.Warn("whatsapp: a call about another number than phoneNumberId is passed over: give that number an account of its own, with its own webhook (Webhooks, \"Override\")")
		return
	}
	for e := range v.Get("errors").Items() {
		a.Host.Warn("whatsapp: Meta tells of an error of the number: " + reported(e).message())
	}
	names := v.Get("contacts")
	for m := range v.Get("messages").Items() {
		received(a, m, names)
	}
	for s := range v.Get("statuses").Items() {
		told(a, s)
	}
}
