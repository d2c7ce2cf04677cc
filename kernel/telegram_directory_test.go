package kernel_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/cron"
	"github.com/carapace-gateway/carapace/kernel/service/directory"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/wit"
)

// TestWhoIsMeantByAName: who has written, and what Telegram knows by an id or a username, is found by name; what several are
// called is listed and not guessed, an id is always an id, and without an answer of Telegram's it is as good.
func TestWhoIsMeantByAName(t *testing.T) {
	t.Parallel()
	s, root := botServer(t)
	l := stock(t, kerneltest.Config(t, fmt.Sprintf(
		`{"channels":{"telegram":{"accounts":{"default":{"dmPolicy":"open","groupPolicy":"open","config":{"apiRoot":%q}}}}}}`, root))).Listen()
	setBotToken(l, s)
	news := botapitest.Chat{ID: -1009, Type: "channel", Title: "City News", Username: "city_news"}
	s.AddChat(news)
	people := []botapitest.User{{ID: 5, FirstName: "Ada", LastName: "Li", Username: "ada"}, {ID: 6, FirstName: "Ben"}, {ID: 7, FirstName: "ben", Username: "benny"}, {ID: 8, FirstName: "5"}}
	for _, who := range people {
		s.DM(who, "what is 1+1?")
		answers(t, s, who.ID, 1)
	}
	s.Say(botapitest.Message{From: &people[0], Chat: botapitest.Chat{ID: -1005, Type: "supergroup", Title: "Ben's Bees"}, Text: "@" + s.Bot().Username + " what is 1+1?"})
	answers(t, s, -1005, 1)

	n := 0
	send := func(to string) error {
		n++
		return l.Call(t.Context(), "send", map[string]any{"channel": "telegram", "to": to, "message": fmt.Sprint("to ", to), "idempotencyKey": fmt.Sprint(n)}, nil)
	}
	for to, chat := range map[string]int64{
		"Ada Li": 5, "@ADA": 5, "ada li": 5, "telegram:Ada Li": 5, "5": 5, "user:8": 8, "Ben's Bees": -1005, "@benny": 7,
		"@city_news": -1009, "City News": 0, "-1009": -1009, "Ben": 0, "Ad": 0, "Nobody Here": 0,
	} {
		err := send(to)
		if chat == 0 {
			if err == nil {
				t.Errorf("%q was sent", to)
			}
			continue
		}
		if err != nil {
			t.Errorf("%q: %v", to, err)
		}
		if got := s.Messages(chat); !slices.ContainsFunc(got, func(m botapitest.Message) bool { return m.Text == "to "+to }) {
			t.Errorf("%q is not in chat %d", to, chat)
		}
	}
	if err := send("Ben"); err == nil || !strings.Contains(err.Error(), "direct 6") || !strings.Contains(err.Error(), "direct 7, @benny") {
		t.Errorf("Ben: %v", err)
	}
	if err := send("Nobody Here"); err == nil || !strings.Contains(err.Error(), "carapace directory telegram") {
		t.Errorf("%v", err)
	}
	s.Fail(botapitest.Fault{Method: "getChat", Code: 502, Times: -1})
	if err := send("6"); err != nil {
		t.Errorf("an id, while Telegram does not answer: %v", err)
	}

	var list directory.ListResult
	if l.MustCall("channels.directory", map[string]any{"channel": "telegram", "query": "ben"}, &list); len(list.Entries) != 3 || list.Incomplete != "" {
		t.Errorf("%+v", list)
	}
	if l.MustCall("channels.directory", map[string]any{"channel": "telegram", "query": "@ben", "kind": "direct"}, &list); len(list.Entries) != 2 || list.Incomplete == "" {
		t.Errorf("%+v", list)
	}
	if l.MustCall("channels.directory", map[string]any{"channel": "telegram", "limit": 1}, &list); len(list.Entries) != 1 {
		t.Errorf("%+v", list)
	}
	var one directory.ResolveResult
	if l.MustCall("channels.resolve", map[string]any{"channel": "telegram", "name": "@ada"}, &one); one.Entry.SenderID != "5" || one.Entry.Kind != wit.ConversationKindDirect {
		t.Errorf("%+v", one)
	}
	var job cron.Job
	l.MustCall("cron.add", map[string]any{"name": "j", "schedule": map[string]any{"kind": "every", "everyMs": 3_600_000}, "sessionTarget": "isolated",
		"payload": map[string]any{"kind": "agentTurn", "message": "hi"}, "delivery": map[string]any{"mode": "announce", "channel": "telegram", "to": "Ada Li"}}, &job)
	if job.Delivery == nil || job.Delivery.To != "5" {
		t.Errorf("%+v", job.Delivery)
	}
	err := l.Call(t.Context(), "cron.update", map[string]any{"id": job.ID, "patch": map[string]any{"delivery": map[string]any{"channel": "telegram", "to": "Ben"}}}, nil)
	if err == nil || !strings.Contains(err.Error(), "several") {
		t.Errorf("%v", err)
	}
	var let inbox.PairingApproval
	if l.MustCall("channels.pairing.allow", map[string]any{"channel": "telegram", "sender": "@benny"}, &let); let.SenderID != "7" {
		t.Errorf("%+v", let)
	}
	if err := l.Call(t.Context(), "channels.pairing.allow", map[string]any{"channel": "telegram", "sender": "Ben's Bees"}, nil); err == nil {
		t.Error("a group was let in as a person")
	}
}
