package move_test

import (
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/move"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

// place reads "conversation/thread".
func place(text string) wit.Conversation {
	id, thread, _ := strings.Cut(text, "/")
	return wit.Conversation{ID: id, Thread: &thread}
}

// TestThreads: a topic goes on under another name and in another conversation; what is said under the old name is something new, also
// when that moves in its turn, and one that gets its old name back is what it was.
func TestThreads(t *testing.T) {
	storetest.Both(t, func(t *testing.T, s store.Store) {
		moves := func(from, to string) (fresh bool) {
			f := place(from)
			storetest.Update(t, s, func(tx store.Tx) (err error) {
				fresh, err = move.Record(tx, message.Move{Account: account, From: f.ID, Thread: f.Thread, To: place(to)})
				return err
			})
			return fresh
		}
		spoken := func(at string) (home string) {
			storetest.Update(t, s, func(tx store.Tx) error {
				h, _, err := move.Spoken(tx, account, place(at))
				home = h.Conversation + "/" + h.Thread
				return err
			})
			return home
		}
		present := func(at string) (now string) {
			storetest.Update(t, s, func(tx store.Tx) error {
				c, err := move.Present(tx, account, place(at))
				now = c.ID + "/" + *c.Thread
				return err
			})
			return now
		}
		if !moves("a/tea", "a/✔ tea") || moves("a/tea", "a/✔ tea") || moves("a/x", "a/x") {
			t.Error("a move is news once")
		}
		if got := present("a/tea"); got != "a/✔ tea" {
			t.Errorf("what goes to its old name goes to %s", got)
		}
		if got := spoken("a/✔ tea"); got != "a/tea" {
			t.Errorf("it goes on as %s", got)
		}
		again := spoken("a/tea")
		if again == "a/tea" || again != spoken("a/tea") || present("a/tea") != "a/tea" {
			t.Errorf("a new one of the old name is %s, then %s, and is spoken to at %s", again, spoken("a/tea"), present("a/tea"))
		}
		if !moves("a/tea", "b/coffee") || spoken("b/coffee") != again || spoken("a/✔ tea") != "a/tea" {
			t.Errorf("in another conversation it is %s", spoken("b/coffee"))
		}
		if !moves("a/✔ tea", "a/tea") || spoken("a/tea") != "a/tea" || present("a/✔ tea") != "a/tea" {
			t.Errorf("back under its old name it is %s", spoken("a/tea"))
		}
		if got := spoken("a/other"); got != "a/other" || present("b/tea") != "b/tea" {
			t.Errorf("another one is %s", got)
		}
	})
}
