package inbox

import (
	"fmt"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// What the pending history of one conversation, or of one thread in it, holds at most.
const (
	maxPending      = 50
	maxPendingText  = 2000 // bytes of one message
	maxPendingFiles = 4    // named, of one message
)

// pendingTable keeps what was said in a group, and what happened in any conversation, since the last answer there.
const pendingTable = store.Table[[]message.Remark]("channel.pending")

// pendingKey is one for each thread, so that an answer sees only what was said where it is given.
func pendingKey(a message.Account, c wit.Conversation) string {
	thread := ""
	if c.Thread != nil {
		thread = *c.Thread
	}
	return key(a.Channel, a.ID, c.ID, thread)
}

// remember keeps what was said or has happened for the next answer there.
func remember(tx store.Tx, a message.Account, m *wit.Message) error {
	k := pendingKey(a, m.Conversation)
	list, err := pendingTable.Get(tx, k)
	if _, err := found(err); err != nil {
		return err
	}
	list = append(list, message.Remark{ID: m.ID, Sender: m.Sender, Text: gist(m), Time: m.Time})
	return pendingTable.Put(tx, k, list[max(0, len(list)-maxPending):])
}

// gist is what is kept of a message: its text, whose it was first, and which files came with it, of which none is fetched.
func gist(m *wit.Message) string {
	text := strings.TrimSpace(message.Forwarded(m.Forwarded) + " " + message.Clip(m.Text, maxPendingText))
	for i := range m.Attachments {
		if i == maxPendingFiles {
			return fmt.Sprintf("%s [and %d more]", text, len(m.Attachments)-i)
		}
		a := &m.Attachments[i]
		text = strings.TrimSpace(text + " [attached: " + message.Called(a) + message.Measures(a.Duration, a.Width, a.Height) + "]")
	}
	return text
}

// recall takes out what was kept for the answer to m.
func recall(tx store.Tx, a message.Account, m *wit.Message) ([]message.Remark, error) {
	k := pendingKey(a, m.Conversation)
	list, err := pendingTable.Get(tx, k)
	if there, err := found(err); err != nil || !there {
		return nil, err
	}
	return list, pendingTable.Delete(tx, k)
}
