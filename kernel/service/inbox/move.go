package inbox

import (
	"context"
	"strings"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/move"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Moved records that a conversation has another id, as somebody was told who sent to it, and lets it go on as what it
// was: its history that waits, its session's route and the messages that wait to be sent, in one transaction. What is
// known already changes nothing. Its error is a *StoreError.
func (s *Service) Moved(ctx context.Context, m message.Move) error {
	fresh := false
	err := write(ctx, s.store, func(tx store.Tx) (err error) {
		fresh, err = s.movers.moved(tx, m)
		return err
	})
	if err == nil && fresh {
		s.announce(m)
	}
	return err
}

// announce tells of a move that was committed.
func (s *Service) announce(m message.Move) {
	s.log.Info("conversation has another id", "channel", m.Account.Channel, "account", m.Account.ID, "from", m.From, "to", m.To.ID, "name", named(m.To))
	s.outbox.Wake()
}

// named is a conversation's name, or its id where it has none.
func named(c wit.Conversation) string {
	if c.Name != nil && *c.Name != "" {
		return *c.Name
	}
	return c.ID
}

// movers are told of a move in its transaction, beside the inbox itself.
type movers []func(store.Tx, message.Move) error

// moved records a move and has everybody act on it, unless it is known already.
func (all movers) moved(tx store.Tx, m message.Move) (fresh bool, err error) {
	if fresh, err = move.Record(tx, m); err != nil || !fresh {
		return fresh, err
	}
	if err := movePending(tx, m); err != nil {
		return fresh, err
	}
	for _, act := range all {
		if err := act(tx, m); err != nil {
			return fresh, err
		}
	}
	return fresh, nil
}

// movePending puts what was said in a group since the last answer where the next answer looks for it.
func movePending(tx store.Tx, m message.Move) error {
	if m.Thread != nil {
		from := wit.Conversation{ID: m.From, Thread: m.Thread}
		return movePendingThread(tx, pendingKey(m.Account, from), pendingKey(m.Account, m.To))
	}
	old := key(m.Account.Channel, m.Account.ID, m.From) + "/"
	var rows []string
	for row, err := range pendingTable.Scan(tx, store.Range{Prefix: old}) {
		if err != nil {
			return err
		}
		rows = append(rows, row.Key)
	}
	for _, row := range rows {
		if err := movePendingRow(tx, row, key(m.Account.Channel, m.Account.ID, m.To.ID)+"/"+strings.TrimPrefix(row, old)); err != nil {
			return err
		}
	}
	return nil
}

// movePendingThread is movePending of one thread, by its keys.
func movePendingThread(tx store.Tx, from, to string) error {
	rows, err := pendingRows(tx, from)
	if err != nil {
		return err
	}
	for _, row := range rows {
		if err := movePendingRow(tx, row.Key, to+strings.TrimPrefix(row.Key, from)); err != nil {
			return err
		}
	}
	return nil
}

func movePendingRow(tx store.Tx, from, to string) error {
	before, err := pendingTable.Get(tx, from)
	if there, err := found(err); err != nil || !there {
		return err
	}
	after, err := pendingTable.Get(tx, to)
	if _, err := found(err); err != nil {
		return err
	}
	list := append(before, after...)
	if err := pendingTable.Put(tx, to, list[max(0, len(list)-maxPending):]); err != nil {
		return err
	}
	return pendingTable.Delete(tx, from)
}

// names are all ids that a message's conversation has had, the first one first. Those of people do not change.
func (i *intake) names(m *wit.Message) ([]string, error) {
	if m.Conversation.Kind == wit.ConversationKindDirect {
		return []string{m.Conversation.ID}, nil
	}
	return move.Names(i.tx, i.batch.Account, m.Conversation.ID)
}
