package move_test

import (
	"fmt"
	"reflect"
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
				now, err := move.Present(tx, c.account, wit.Conversation{ID: c.id})
				present := now.ID
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

// TestPresentNamesTheConversation: whoever had written down how a group was called finds what it is called now.
func TestPresentNamesTheConversation(t *testing.T) {
	s, name := store.OpenMemory(), func(n string) *string { return &n }
	told := func(from string, to wit.Conversation) {
		t.Helper()
		storetest.Update(t, s, func(tx store.Tx) error {
			_, err := move.Record(tx, message.Move{Account: account, From: from, To: to})
			return err
		})
	}
	told("a", wit.Conversation{ID: "b", Kind: wit.ConversationKindGroup, Name: name("Crew")})
	told("b", wit.Conversation{ID: "c", Kind: wit.ConversationKindChannel, Name: name("The Crew")})
	told("x", wit.Conversation{ID: "y", Kind: wit.ConversationKindGroup})
	for _, c := range []struct{ in, want wit.Conversation }{
		{wit.Conversation{ID: "a", Kind: wit.ConversationKindGroup, Name: name("Old"), Thread: name("7")}, wit.Conversation{ID: "c", Kind: wit.ConversationKindChannel, Name: name("The Crew"), Thread: name("7")}},
		{wit.Conversation{ID: "b"}, wit.Conversation{ID: "c", Kind: wit.ConversationKindChannel, Name: name("The Crew")}},
		{wit.Conversation{ID: "c", Name: name("As it is told today")}, wit.Conversation{ID: "c", Name: name("As it is told today")}},
		{wit.Conversation{ID: "x", Kind: wit.ConversationKindGroup, Name: name("X")}, wit.Conversation{ID: "y", Kind: wit.ConversationKindGroup, Name: name("X")}},
	} {
		storetest.Update(t, s, func(tx store.Tx) error {
			got, err := move.Present(tx, account, c.in)
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("%s is %s now, want %s", wit.Marshal(&c.in), wit.Marshal(&got), wit.Marshal(&c.want))
			}
			return err
		})
	}
}
