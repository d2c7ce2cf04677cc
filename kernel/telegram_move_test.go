package kernel_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/session"
)

// TestAGroupThatMoves: a group on the allow-list becomes a supergroup, and the gateway hears of it from a send that is
// refused, or from Telegram's own news, or starts anew in between. Whoever speaks there meanwhile is answered, in the
// conversation that it was.
func TestAGroupThatMoves(t *testing.T) {
	t.Parallel()
	const before, after = -5, -1005
	group := botapitest.Chat{ID: before, Type: "group", Title: "Friends"}
	supergroup := botapitest.Chat{ID: after, Type: "supergroup", Title: "Friends"}
	for _, c := range []struct {
		name  string
		moves func(s *botapitest.Server, sends, restarts func())
	}{
		{"told by a send", func(s *botapitest.Server, sends, _ func()) {
			s.Upgrade(before, after)
			sends()
		}},
		{"told by Telegram", func(s *botapitest.Server, sends, _ func()) {
			s.Migrate(before, after)
			sends()
		}},
		{"told by a send that fails in the new group, over a restart", func(s *botapitest.Server, sends, restarts func()) {
			s.Upgrade(before, after)
			s.Fail(botapitest.Fault{Method: "sendMessage", Where: map[string]string{"chat_id": fmt.Sprint(after)}, Code: 502, Times: 2})
			sends()
			restarts()
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, root := botServer(t)
			options := []kerneltest.Option{kerneltest.StateDir(t.TempDir()), kerneltest.Config(t, fmt.Sprintf(
				`{"channels":{"telegram":{"accounts":{"default":{"groupPolicy":"allowlist","groups":["%d"],"config":{"apiRoot":%q}}}}}}`, before, root))}
			k := stock(t, options...)
			l := k.Listen()
			setBotToken(l, s)
			ask := func(chat botapitest.Chat, what string) {
				s.Say(botapitest.Message{From: new(person(3)), Chat: chat, Text: "@" + s.Bot().Username + " what is " + what + "?"})
			}
			ask(group, "1+1")
			answers(t, s, before, 1)
			sends := func() {
				for _, text := range []string{"first", "second"} {
					l.MustCall("send", map[string]any{"channel": "telegram", "to": fmt.Sprint(before), "message": text, "idempotencyKey": text}, nil)
				}
			}
			restarts := func() {
				k.Stop()
				k = stock(t, options...)
				l = k.Listen()
			}
			c.moves(s, sends, restarts)
			answers(t, s, after, 2)
			// The very moment that it is seen there, somebody answers.
			ask(supergroup, "20+3")
			if got := answers(t, s, after, 3); got[0] != "first" || got[1] != "second" || !strings.Contains(got[2], "23") {
				t.Errorf("the supergroup reads %q", got)
			}
			s.Migrate(before, after) // the news, once more
			ask(supergroup, "40+2")
			if got := answers(t, s, after, 4); !strings.Contains(got[3], "42") {
				t.Errorf("the supergroup reads %q", got)
			}
			var list session.ListResult
			l.MustCall("sessions.list", map[string]any{}, &list)
			groups := []string{}
			for _, row := range list.Sessions {
				if strings.Contains(string(row.Key), "telegram") {
					groups = append(groups, string(row.Key))
				}
			}
			if len(groups) != 1 || !strings.Contains(groups[0], fmt.Sprint(before)) {
				t.Errorf("conversations %q", groups)
			}
		})
	}
}

// answers are the texts of the bot in a chat, once there are n.
func answers(t *testing.T, s *botapitest.Server, chat int64, n int) (texts []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	err := s.Wait(ctx, func() bool {
		texts = nil
		for _, m := range s.Messages(chat) {
			if m.From != nil && m.From.ID == s.Bot().ID {
				texts = append(texts, m.Text)
			}
		}
		return len(texts) >= n
	})
	if err != nil {
		t.Fatalf("chat %d shows %q, not %d texts", chat, texts, n)
	}
	return texts
}

// botServer is a Telegram that runs until the test ends, and the address of its API.
func botServer(t *testing.T) (s *botapitest.Server, root string) {
	t.Helper()
	s = botapitest.New(botapitest.Config{})
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s, root
}
