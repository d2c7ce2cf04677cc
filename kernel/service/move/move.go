// Package move knows which conversations have been given another id by their platform, such as a group that was
// upgraded: what they are called now, and what they were called before.
//
// A move is told by the channel's plugin, as often as the platform tells it, and recorded once. What is known of a
// conversation under an older id (who may speak there, its session) is found by its older ids, and is not rewritten;
// what goes out finds the present one. The functions work in the transaction of whoever asks. Nothing is kept in
// memory, and records stay: there are as many as groups were ever upgraded.
package move

import (
	"slices"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Both directions are kept, by account and id, and what a conversation was told to be when it got an id.
const (
	olderTable = store.Table[string]("moves.older")
	newerTable = store.Table[string]("moves.newer")
	factsTable = store.Table[wit.Conversation]("moves.facts")
)

// maxHops bounds how often a conversation is followed, should platforms ever move one in a circle.
const maxHops = 8

// Record notes a move and reports whether it is news. A conversation moves once from an id: what is told of it later
// is not believed. A thread moves again once something was said under its old id. Errors: the store's.
func Record(tx store.Tx, m message.Move) (fresh bool, err error) {
	if m.Thread != nil {
		return recordThread(tx, m)
	}
	if m.From == m.To.ID {
		return false, nil
	}
	err = newerTable.Insert(tx, m.Account.Key(m.From), m.To.ID)
	if wit.CodeOf(err) == wit.CodeConflict {
		return false, nil
	}
	if err == nil {
		err = olderTable.Put(tx, m.Account.Key(m.To.ID), m.From)
	}
	if err == nil {
		err = factsTable.Put(tx, m.Account.Key(m.To.ID), m.To)
	}
	return err == nil, err
}

// Present returns a conversation as it is now: with its id, and with its kind and its name where they were told. The
// thread stays what it is, unless it has moved itself. Errors: the store's.
func Present(tx store.Tx, a message.Account, c wit.Conversation) (wit.Conversation, error) {
	c, err := presentThread(tx, a, c)
	if err != nil {
		return c, err
	}
	ids, err := follow(tx, newerTable, a, c.ID)
	if err != nil || len(ids) == 1 {
		return c, err
	}
	c.ID = ids[len(ids)-1]
	now, err := factsTable.Get(tx, a.Key(c.ID))
	switch {
	case wit.CodeOf(err) == wit.CodeNotFound: // it was recorded by a version that kept none
		return c, nil
	case err != nil:
		return c, err
	}
	if c.Kind = now.Kind; now.Name != nil {
		c.Name = now.Name
	}
	return c, nil
}

// Names returns all that a conversation has been called, up to and with id, the first id first. Errors: the store's.
func Names(tx store.Tx, a message.Account, id string) ([]string, error) {
	ids, err := follow(tx, olderTable, a, id)
	slices.Reverse(ids)
	return ids, err
}

// follow returns id and where a table leads from it.
func follow(tx store.Tx, table store.Table[string], a message.Account, id string) ([]string, error) {
	ids := []string{id}
	for range maxHops {
		next, err := table.Get(tx, a.Key(ids[len(ids)-1]))
		switch {
		case wit.CodeOf(err) == wit.CodeNotFound || err == nil && slices.Contains(ids, next):
			return ids, nil
		case err != nil:
			return ids, err
		}
		ids = append(ids, next)
	}
	return ids, nil
}
