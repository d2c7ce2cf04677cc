package session

import (
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
)

// Moved lets the answers of sessions that were last spoken to from a conversation go to its new id. Their keys stay
// what they are. Errors: the store's.
func Moved(tx store.Tx, m message.Move) error {
	var moved []Entry
	for row, err := range entries.Scan(tx, store.Range{}) {
		if store.Damaged(err) {
			continue
		}
		if err != nil {
			return err
		}
		if r := row.Value.Route; r != nil && m.Is(r.Channel, r.Account, r.Conversation) {
			moved = append(moved, row.Value.stored())
		}
	}
	for _, e := range moved {
		route, to := *e.Route, *e.Route.Conversation
		m.Apply(&to)
		route.Conversation, e.Route = &to, &route
		if err := write(tx, &e); err != nil {
			return err
		}
	}
	return nil
}
