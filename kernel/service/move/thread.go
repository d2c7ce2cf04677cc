package move

import (
	"strconv"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// Threads move too: a topic is renamed, or goes into another conversation. Unlike those of conversations, their ids are often
// names, which are taken anew: what is said under an old one after the move is something new.

// threadsTable keeps what is not as it was at the beginning, by account, conversation and thread.
const threadsTable = store.Table[thread]("moves.threads")

// thread is what a thread is: under which id its conversation and itself are known, and where it has gone.
type thread struct {
	Home Home `json:"home"`
	// Left is where it is now, when it has moved and nothing was said under its old id since.
	Left *wit.Conversation `json:"left,omitempty"`
}

// Home is under which ids what is known of a thread is found.
type Home struct {
	Conversation string `json:"conversation"`
	Thread       string `json:"thread"`
}

func threadKey(a message.Account, conversation, thread string) string {
	return a.Key(conversation + "\x00" + thread)
}

// current returns what a thread is; moved says that it or another one of its name has moved.
func current(tx store.Tx, a message.Account, conversation, id string) (t thread, moved bool, err error) {
	t, err = threadsTable.Get(tx, threadKey(a, conversation, id))
	if wit.CodeOf(err) == wit.CodeNotFound {
		return thread{Home: Home{conversation, id}}, false, nil
	}
	return t, err == nil, err
}

// recordThread notes that a thread alone has moved.
func recordThread(tx store.Tx, m message.Move) (fresh bool, err error) {
	to := ""
	if m.To.Thread != nil {
		to = *m.To.Thread
	}
	if m.From == m.To.ID && *m.Thread == to {
		return false, nil
	}
	t, _, err := current(tx, m.Account, m.From, *m.Thread)
	if err != nil || t.Left != nil { // nothing is there that could move
		return false, err
	}
	seq, err := tx.Next(string(threadsTable))
	if err != nil {
		return false, err
	}
	if err := threadsTable.Put(tx, threadKey(m.Account, m.To.ID, to), thread{Home: t.Home}); err != nil {
		return false, err
	}
	next := thread{Home: Home{m.From, *m.Thread + "#" + strconv.FormatUint(seq, 10)}, Left: &m.To}
	return true, threadsTable.Put(tx, threadKey(m.Account, m.From, *m.Thread), next)
}

// Spoken returns under which ids a thread is known in which something is said now: under its own, unless it has moved. Where one has
// left that had its id, it is another one from now on. Errors: the store's.
func Spoken(tx store.Tx, a message.Account, c wit.Conversation) (home Home, moved bool, err error) {
	if c.Thread == nil {
		return Home{}, false, nil
	}
	t, moved, err := current(tx, a, c.ID, *c.Thread)
	if err != nil || !moved || t.Left == nil {
		return t.Home, moved, err
	}
	t.Left = nil
	return t.Home, true, threadsTable.Put(tx, threadKey(a, c.ID, *c.Thread), t)
}

// presentThread follows a thread to where it has gone.
func presentThread(tx store.Tx, a message.Account, c wit.Conversation) (wit.Conversation, error) {
	for range maxHops {
		if c.Thread == nil {
			return c, nil
		}
		t, _, err := current(tx, a, c.ID, *c.Thread)
		if err != nil || t.Left == nil {
			return c, err
		}
		name := c.Name
		if c = *t.Left; c.Name == nil {
			c.Name = name
		}
	}
	return c, nil
}
