package move_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/move"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/wit"
)

var account = message.Account{Channel: "chat", ID: "main"}

// record records moves "from>to" and returns which of them are news.
func record(t *testing.T, s store.Store, a message.Account, moves string) string {
	t.Helper()
	news := ""
	for m := range strings.FieldsSeq(moves) {
		from, to, _ := strings.Cut(m, ">")
		storetest.Update(t, s, func(tx store.Tx) error {
			fresh, err := move.Record(tx, message.Move{Account: a, From: from, To: wit.Conversation{ID: to}})
			if fresh {
				news += m + " "
			}
			return err
		})
	}
	return strings.TrimSpace(news)
}

func TestMoves(t *testing.T) {
	storetest.Both(t, func(t *testing.T, s store.Store) {
		const long = "a conversation whose id is longer than a key may be "
		huge := strings.Repeat(long, 15)
		huge = strings.ReplaceAll(huge, " ", "_")
		if news := record(t, s, account, "a>b a>b b>c a>x d>d "+huge+">h"); news != "a>b b>c "+huge+">h" {
			t.Errorf("news %.60q", news)
		}
		other := message.Account{Channel: "chat", ID: "other"}
		record(t, s, other, "a>z")
		for _, c := range []struct {
			account        message.Account
			id             string
			present, names string
		}{
			{account, "a", "c", "[a]"}, {account, "b", "c", "[a b]"}, {account, "c", "c", "[a b c]"},
			{account, "d", "d", "[d]"}, {account, "x", "x", "[x]"}, {account, "", "", "[]"},
			{other, "a", "z", "[a]"}, {other, "c", "c", "[c]"}, {account, huge, "h", "[" + huge + "]"},
		} {
			storetest.Update(t, s, func(tx store.Tx) error {
				present, err := move.Present(tx, c.account, c.id)
				if err != nil {
					return err
				}
				names, err := move.Names(tx, c.account, c.id)
				if present != c.present || fmt.Sprint(names) != c.names {
					t.Errorf("%s of %s is %q, names %v", c.id, c.account, present, names)
				}
				return err
			})
		}
	})
}

// TestACircleEnds: a platform, or a plugin, may say anything.
func TestACircleEnds(t *testing.T) {
	s := store.OpenMemory()
	record(t, s, account, "a>b b>c c>a")
	storetest.Update(t, s, func(tx store.Tx) error {
		names, err := move.Names(tx, account, "a")
		if len(names) != 3 {
			t.Errorf("names %v", names)
		}
		return err
	})
	chain := ""
	for i := range 50 {
		chain += fmt.Sprintf("n%d>n%d ", i, i+1)
	}
	record(t, s, account, chain)
	storetest.Update(t, s, func(tx store.Tx) error {
		names, err := move.Names(tx, account, "n50")
		if len(names) != 9 {
			t.Errorf("%d names are followed", len(names))
		}
		return err
	})
}
