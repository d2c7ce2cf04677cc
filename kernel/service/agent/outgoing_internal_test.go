package agent

import (
	"testing"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// outbox takes messages, or refuses them.
type outbox struct {
	took   []message.Outbound
	refuse error
}

func (o *outbox) Enqueue(_ store.Tx, m message.Outbound) error {
	o.took = append(o.took, m)
	return o.refuse
}

func (*outbox) Wake() {}

// TestOutgoing: what goes to the conversation that waits, under which id, and what becomes of what is refused.
func TestOutgoing(t *testing.T) {
	room := func(kind wit.ConversationKind) *message.Origin {
		return &message.Origin{Channel: "chat", Account: "bot", MessageID: "m7", Conversation: &wit.Conversation{ID: "c", Kind: kind}}
	}
	files := []wit.Attachment{{Media: new("a")}}
	for name, tt := range map[string]struct {
		reply   *message.Origin
		text    string
		files   []wit.Attachment
		refuse  error
		sent    bool
		replyTo string
		fails   bool
	}{
		"nobody waits":    {nil, "hi", files, nil, false, "", false},
		"nowhere":         {&message.Origin{Channel: "chat"}, "hi", files, nil, false, "", false},
		"nothing":         {room(wit.ConversationKindDirect), "", nil, nil, false, "", false},
		"a text":          {room(wit.ConversationKindDirect), "hi", nil, nil, true, "", false},
		"files":           {room(wit.ConversationKindDirect), "", files, nil, true, "", false},
		"to a group":      {room(wit.ConversationKindGroup), "hi", nil, nil, true, "m7", false},
		"undeliverable":   {room(wit.ConversationKindDirect), "hi", nil, wit.NewError(wit.CodeInvalid, "no"), true, "", false},
		"the store fails": {room(wit.ConversationKindDirect), "hi", nil, wit.NewError(wit.CodeUnavailable, "full"), true, "", true},
	} {
		box := &outbox{refuse: tt.refuse}
		r := run.Run{ID: "r1", Session: "agent:main:x", Reply: tt.reply}
		err := outgoing{box, hclog.NewNullLogger()}.enqueue(nil, r, tt.text, tt.files, true)
		if (err != nil) != tt.fails || (len(box.took) == 1) != tt.sent {
			t.Errorf("%s: %v, sent %+v", name, err, box.took)
			continue
		}
		if !tt.sent {
			continue
		}
		if m := box.took[0]; m.ID != "answer:r1" || m.Channel != "chat" || m.Account != "bot" || m.To.ID != "c" || m.Text != tt.text || len(m.Attachments) != len(tt.files) ||
			m.ReplyTo != tt.replyTo || m.Agent != "main" || m.SessionKey != "agent:main:x" || m.RunID != "r1" {
			t.Errorf("%s: %+v", name, m)
		}
	}
}
