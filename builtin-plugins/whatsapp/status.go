package whatsapp

import (
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// told takes what became of a message that was sent (Status messages). Statuses may come in any order, and several of a
// message; the first that comes confirms it, and a failure is its end. The kernel waits a while for the one or the other.
func told(a *answer, s json.Value) {
	a.State.statuses = true
	id, key := s.Get("id").Text(), s.Get("biz_opaque_callback_data").Text()
	who, _ := a.State.people.named(digits(s.Get("recipient_id").Text()), s.Get("recipient_user_id").Text())
	here := wit.Conversation{Kind: wit.ConversationKindDirect, ID: who}
	if s.Get("recipient_type").Text() == "group" {
		here = wit.Conversation{Kind: wit.ConversationKindGroup, ID: s.Get("recipient_id").Text()}
	}
	c := wit.Confirmation{Token: key, IDs: []string{id}}
	switch kind := s.Get("status").Text(); kind {
	case "sent":
	case "delivered":
		receipt(a, wit.ReceiptKindDelivered, here, id)
	case "read", "played":
		receipt(a, wit.ReceiptKindRead, here, id)
	case "failed":
		c.IDs, c.Error = nil, failed(a, s, here.ID)
	default:
		return
	}
	if key != "" && id != "" && len(a.Out.Confirmed) < maxTold {
		a.Out.Confirmed = append(a.Out.Confirmed, c)
	}
}

// failed returns why a message was not delivered. When WhatsApp takes nothing but templates there, that is noted, and the
// message is sent again as one.
func failed(a *answer, s json.Value, to string) *wit.Error {
	r := reported(json.Value{})
	for e := range s.Get("errors").Items() {
		r = reported(e)
		break
	}
	if r.closed() && to != "" {
		a.State.people = a.State.people.shut(to)
	}
	err := r.err()
	if r.closed() && a.Settings.template != "" {
		err.Retryable = true
	}
	a.Host.Warn("whatsapp: a message to " + to + " was not delivered: " + err.Message)
	return err
}

// receipt says that a message has arrived, or was read.
func receipt(a *answer, kind wit.ReceiptKind, where wit.Conversation, id string) {
	if where.ID != "" && id != "" {
		a.Out.Receipts = append(a.Out.Receipts, wit.Receipt{Kind: kind, Conversation: where, ID: &id})
	}
}
