package teams

import (
	"time"

	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

// message takes what somebody has said, nil for what names nobody or has no id.
func (a *answer) message(v json.Value) *wit.Message {
	m := a.base(v, wit.MessageKindText)
	if v.Get("id").Text() == "" || m.Sender.ID == "" || m.Sender.Bot {
		return nil
	}
	called := false
	m.Text, called = said(v, a.Settings.me())
	m.Mentioned = called || m.Conversation.Kind == wit.ConversationKindDirect
	if q := quoted(v); q.id != "" && len(q.id) <= maxID {
		m.ReplyTo = &wit.Quoted{ID: messageID(v.Get("conversation", "id").Text(), q.id), Text: account.Optional(q.text)}
		if q.author != "" {
			m.ReplyTo.Sender = &wit.Person{Name: &q.author, Bot: q.author == a.State.name}
		}
	}
	for file := range v.Get("attachments").Items() {
		a.attachment(m, file)
	}
	return m
}

// moment is a time as activities have it, in milliseconds since 1970; otherwise now.
func moment(text string, now int64) int64 {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return now
	}
	return t.UnixMilli()
}
