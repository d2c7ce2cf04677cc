package inbox

import (
	"fmt"
	"slices"
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
	maxRow          = 10   // messages in one row
)

// pendingTable keeps what was said in a group, and what happened in any conversation, since the last answer there: in rows of
// a few remarks, so that one more costs as little in a busy group as in a quiet one. The keys of a conversation's rows are its
// own and a number that grows. One whose key is its own alone has all that was kept by an earlier version.
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
	said := message.Remark{ID: m.ID, Sender: m.Sender, Text: gist(m), Time: m.Time}
	for row, err := range pendingTable.Scan(tx, store.Range{Prefix: k + "/", Limit: 1, Reverse: true}) {
		if err != nil {
			return err
		}
		if len(row.Value) < maxRow {
			return pendingTable.Put(tx, row.Key, append(row.Value, said))
		}
	}
	seq, err := tx.Next(string(pendingTable))
	if err != nil {
		return err
	}
	if err := pendingTable.Put(tx, k+"/"+sequence(seq), []message.Remark{said}); err != nil {
		return err
	}
	return trim(tx, k)
}

// trim forgets the rows of a conversation that are older than all that is kept.
func trim(tx store.Tx, k string) error {
	rows, err := pendingRows(tx, k)
	if err != nil {
		return err
	}
	kept := 0
	for _, row := range slices.Backward(rows) {
		if kept >= maxPending {
			if err := pendingTable.Delete(tx, row.Key); err != nil {
				return err
			}
		}
		kept += len(row.Value)
	}
	return nil
}

// pendingRows are a conversation's, the oldest first.
func pendingRows(tx store.Tx, k string) (rows []store.Row[[]message.Remark], err error) {
	list, err := pendingTable.Get(tx, k)
	switch there, err := found(err); {
	case err != nil:
		return nil, err
	case there:
		rows = append(rows, store.Row[[]message.Remark]{Key: k, Value: list})
	}
	for row, err := range pendingTable.Scan(tx, store.Range{Prefix: k + "/"}) {
		if err != nil {
			return nil, err
		}
		rows = append(rows, row)
	}
	return rows, nil
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
func recall(tx store.Tx, a message.Account, m *wit.Message) (list []message.Remark, err error) {
	rows, err := pendingRows(tx, pendingKey(a, m.Conversation))
	if err != nil {
		return nil, err
	}
	for _, row := range rows {
		list = append(list, row.Value...)
		if err := pendingTable.Delete(tx, row.Key); err != nil {
			return nil, err
		}
	}
	return list[max(0, len(list)-maxPending):], nil
}
