package twilio

import (
	"strconv"

	"github.com/carapace-gateway/carapace/sdk/go/channel/reply"
	"github.com/carapace-gateway/carapace/sdk/go/form"
	"github.com/carapace-gateway/carapace/wit"
)

// told takes what became of a message that was sent ("Track the message status of outbound messages"). Statuses may come in any order,
// and several of a message; the first that says that it is on its way confirms it, and a failure is its end.
func told(a *answer, id, status string, f form.Form, key string) {
	a.State.statuses = true
	c := wit.Confirmation{Token: key, IDs: []string{id}}
	switch status {
	case "sent":
	case "delivered", "read":
		kind := wit.ReceiptKindDelivered
		if status == "read" {
			kind = wit.ReceiptKindRead
		}
		if to := f.Get("To"); to != "" && len(to) <= 64 {
			a.Out.Receipts = append(a.Out.Receipts, wit.Receipt{Kind: kind, Conversation: wit.Conversation{Kind: wit.ConversationKindDirect, ID: to}, ID: &id})
		}
	case "undelivered", "failed", "canceled":
		code, _ := strconv.ParseInt(f.Get("ErrorCode"), 10, 64)
		c.IDs, c.Error = nil, result{Reply: reply.Reply{Status: 400}, code: code, text: "the message was not delivered"}.err()
		c.Error.Retryable, c.Error.RetryAfter = false, nil // it has been paid for, and Twilio has tried
		a.Host.Warn("twilio: a message to " + f.Get("To") + " was not delivered: " + c.Error.Message)
	default:
		return
	}
	if isMark(key) {
		a.Out.Confirmed = append(a.Out.Confirmed, c)
	}
}
