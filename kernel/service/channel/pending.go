package channel

import (
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// What a group's pending history holds at most.
const (
	maxPending     = 50
	maxPendingText = 2000 // bytes of one message
)

const pendingTable = store.Table[[]Said]("channel.pending")

func (r *receiver) pendingKey(m *wit.Message) string {
	thread := ""
	if m.Conversation.Thread != nil {
		thread = *m.Conversation.Thread
	}
	return key(r.channel, r.account, m.Conversation.ID, thread)
}

// remember keeps what was said in a group for the bot's next turn there.
func (r *receiver) remember(tx store.Tx, m *wit.Message) error {
	k := r.pendingKey(m)
	list, err := pendingTable.Get(tx, k)
	if err != nil && wit.CodeOf(err) != wit.CodeNotFound {
		return err
	}
	list = append(list, Said{ID: m.ID, Sender: m.Sender, Text: clip(m.Text, maxPendingText), Time: m.Time})
	return pendingTable.Put(tx, k, list[max(0, len(list)-maxPending):])
}

// recall takes what was kept for the turn that m starts.
func (r *receiver) recall(tx store.Tx, m *wit.Message) ([]Said, error) {
	if m.Conversation.Kind == wit.ConversationKindDirect {
		return nil, nil
	}
	k := r.pendingKey(m)
	list, err := pendingTable.Get(tx, k)
	switch wit.CodeOf(err) {
	case "":
		return list, pendingTable.Delete(tx, k)
	case wit.CodeNotFound:
		return nil, nil
	}
	return nil, err
}

// clip cuts text to at most n bytes, at a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && s[n]&0xc0 == 0x80 {
		n--
	}
	return s[:n] + "…"
}
