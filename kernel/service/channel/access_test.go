package channel_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/service/channel"
	"github.com/carapace-gateway/carapace/kernel/service/inbox"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/wit"
)

func direct(id, sender string) wit.Message {
	m := text(id, "hello")
	m.Sender = wit.Person{ID: sender, Username: ptr("Name" + sender)}
	m.Conversation.ID = "dm-" + sender
	return m
}

func group(id, body string, mentioned bool) wit.Message {
	m := text(id, body)
	m.Conversation = wit.Conversation{Kind: wit.ConversationKindGroup, ID: "g1"}
	m.Mentioned = mentioned
	return m
}

// receives runs a service with one account and these messages, and returns who was let in.
func receives(t *testing.T, a channel.Account, messages ...wit.Message) (*world, *channel.Service) {
	t.Helper()
	p := newPlatform()
	w := newWorld(t, poller(p))
	a.ID, a.Enabled = "main", true
	w.accounts = []channel.Account{a}
	s, _ := w.run()
	synctest.Wait()
	for _, m := range messages {
		p.say(m)
	}
	synctest.Wait()
	return w, s
}

func TestWhoMayTalkDirectly(t *testing.T) {
	for name, c := range map[string]struct {
		account channel.Account
		want    bool
	}{
		"open":                {channel.Account{Access: inbox.Access{DM: inbox.PolicyOpen}}, true},
		"disabled":            {channel.Account{Access: inbox.Access{DM: inbox.PolicyDisabled, AllowFrom: []string{"u"}}}, false},
		"pairing by default":  {channel.Account{}, false},
		"pairing and listed":  {channel.Account{Access: inbox.Access{AllowFrom: []string{"u"}}}, true},
		"allowlist":           {channel.Account{Access: inbox.Access{DM: inbox.PolicyAllowlist, AllowFrom: []string{"x", "u"}}}, true},
		"allowlist of others": {channel.Account{Access: inbox.Access{DM: inbox.PolicyAllowlist, AllowFrom: []string{"x", ""}}}, false},
		"allowlist of all":    {channel.Account{Access: inbox.Access{DM: inbox.PolicyAllowlist, AllowFrom: []string{"*"}}}, true},
		"by username":         {channel.Account{Access: inbox.Access{DM: inbox.PolicyAllowlist, AllowFrom: []string{"@nameU"}}}, true},
		"with the channel":    {channel.Account{Access: inbox.Access{DM: inbox.PolicyAllowlist, AllowFrom: []string{"chat:u"}}}, true},
		"a name is no id":     {channel.Account{Access: inbox.Access{DM: inbox.PolicyAllowlist, AllowFrom: []string{"nameu", "@"}}}, false},
	} {
		inBubble(name, t, func(t *testing.T) {
			w, _ := receives(t, c.account, direct("1", "u"))
			if got := len(w.turns()) == 1; got != c.want {
				t.Errorf("let in: %v", got)
			}
		})
	}
}

func TestPairing(t *testing.T) {
	inBubble("life of a request", t, func(t *testing.T) {
		w, _ := receives(t, channel.Account{}, direct("1", "u1"), direct("2", "u1"), direct("3", "u2"), direct("4", "u3"), direct("5", "u4"))
		notes := w.sent()
		if len(notes) != 3 {
			t.Fatalf("%d invitations: %+v", len(notes), notes)
		}
		var list struct {
			Requests []struct{ RequestID, SenderID, SenderLabel, ExpiresAt string }
		}
		if err := w.call("channels.pairing.list", `{"channel":"chat"}`, &list); err != nil || len(list.Requests) != 3 {
			t.Fatalf("%+v %v", list, err)
		}
		req := list.Requests[0]
		if len(req.RequestID) != 8 || strings.Trim(req.RequestID, "ABCDEFGHJKLMNPQRSTUVWXYZ23456789") != "" {
			t.Errorf("code %q", req.RequestID)
		}
		var note message.Outbound
		for _, n := range notes {
			if n.To.ID == "dm-"+req.SenderID {
				note = n
			}
		}
		for _, want := range []string{req.SenderID, req.RequestID, "carapace pairing approve chat " + req.RequestID} {
			if !strings.Contains(note.Text, want) {
				t.Errorf("the invitation does not name %q: %s", want, note.Text)
			}
		}
		if err := w.call("channels.pairing.approve", `{"channel":"chat","code":"WRONG222"}`, nil); wit.CodeOf(err) != wit.CodeNotFound {
			t.Errorf("a wrong code: %v", err)
		}
		if err := w.call("channels.pairing.approve", `{"channel":"chat"}`, nil); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("no code: %v", err)
		}
		var done struct{ SenderID, Notification string }
		if err := w.call("channels.pairing.approve", `{"channel":"chat","code":"`+strings.ToLower(req.RequestID)+`","notify":true}`, &done); err != nil || done.SenderID != req.SenderID || done.Notification != "sent" {
			t.Fatalf("%+v %v", done, err)
		}
		if n := len(w.sent()); n != 4 {
			t.Errorf("%d notices after an approval that notifies", n)
		}
		if err := w.call("channels.pairing.dismiss", `{"channel":"chat","accountId":"main","requestId":"`+list.Requests[1].RequestID+`"}`, nil); err != nil {
			t.Error(err)
		}
		if err := w.call("channels.pairing.list", `{}`, &list); err != nil || len(list.Requests) != 1 {
			t.Errorf("%+v %v", list, err)
		}
		var let struct{ Approved []struct{ SenderID string } }
		if err := w.call("channels.pairing.approved", `{}`, &let); err != nil || len(let.Approved) != 1 || let.Approved[0].SenderID != req.SenderID {
			t.Errorf("%+v %v", let, err)
		}
	})
	inBubble("approved, restarted, revoked", t, func(t *testing.T) {
		p := newPlatform()
		w := newWorld(t, poller(p))
		w.accounts[0].Access.DM = ""
		_, stop := w.run()
		p.say(direct("1", "u1"))
		synctest.Wait()
		var list struct{ Requests []struct{ RequestID string } }
		if err := w.call("channels.pairing.list", `{}`, &list); err != nil || len(list.Requests) != 1 {
			t.Fatalf("%+v %v", list, err)
		}
		if err := w.call("channels.pairing.approve", `{"channel":"chat","code":"`+list.Requests[0].RequestID+`"}`, nil); err != nil {
			t.Fatal(err)
		}
		stop()
		_, _ = w.run()
		p.say(direct("2", "u1"))
		synctest.Wait()
		if got := w.turns(); len(got) != 1 || got["2"].Message.ID != "2" {
			t.Fatalf("turns %v", got)
		}
		if err := w.call("channels.pairing.revoke", `{"channel":"chat","senderId":"u1"}`, nil); err != nil {
			t.Fatal(err)
		}
		p.say(direct("3", "u1"))
		synctest.Wait()
		if n := len(w.turns()); n != 1 {
			t.Errorf("%d turns after the approval was taken back", n)
		}
	})
	inBubble("expires, and then there is room again", t, func(t *testing.T) {
		p := newPlatform()
		w := newWorld(t, poller(p))
		w.accounts[0].Access.DM = ""
		_, _ = w.run()
		for i := range 5 {
			p.say(direct(fmt.Sprint(i), fmt.Sprint("u", i)))
		}
		time.Sleep(61 * time.Minute)
		synctest.Wait()
		p.say(direct("9", "u9"))
		p.say(direct("10", "u1"))
		synctest.Wait()
		if n := len(w.sent()); n != 5 {
			t.Errorf("%d invitations", n)
		}
	})
}

func TestGroups(t *testing.T) {
	open := channel.Account{Access: inbox.Access{Group: inbox.PolicyOpen}}
	inBubble("history is prepended once, and bounded", t, func(t *testing.T) {
		var all []wit.Message
		for i := range 60 {
			all = append(all, group(fmt.Sprint("h", i), fmt.Sprint("said ", i), false))
		}
		w, _ := receives(t, open, append(all, group("m1", "bot?", true), group("m2", "bot!", true))...)
		got := w.turns()
		if len(got) != 2 || len(got["m1"].History) != 50 || got["m1"].History[0].Text != "said 10" || len(got["m2"].History) != 0 {
			t.Errorf("turns %d, history %d and %d", len(got), len(got["m1"].History), len(got["m2"].History))
		}
	})
	for name, c := range map[string]struct {
		account   channel.Account
		mentioned bool
		want      bool
	}{
		"allowlist by default":   {channel.Account{}, true, false},
		"listed":                 {channel.Account{Access: inbox.Access{Groups: []string{"g1"}}}, true, true},
		"all listed":             {channel.Account{Access: inbox.Access{Groups: []string{"*"}}}, true, true},
		"another listed":         {channel.Account{Access: inbox.Access{Groups: []string{"g2"}}}, true, false},
		"disabled":               {channel.Account{Access: inbox.Access{Group: inbox.PolicyDisabled, Groups: []string{"g1"}}}, true, false},
		"an unknown policy":      {channel.Account{Access: inbox.Access{Group: "everybody"}}, true, false},
		"open, not mentioned":    {open, false, false},
		"open, no mention asked": {channel.Account{Access: inbox.Access{Group: inbox.PolicyOpen, RequireMention: ptr(false)}}, false, true},
	} {
		inBubble(name, t, func(t *testing.T) {
			w, _ := receives(t, c.account, group("1", "hi", c.mentioned))
			if got := len(w.turns()) == 1; got != c.want {
				t.Errorf("let in: %v", got)
			}
		})
	}
}

func TestWhatIsNotATurn(t *testing.T) {
	for _, kind := range []wit.MessageKind{wit.MessageKindEdited, wit.MessageKindDeleted, wit.MessageKindReaction, wit.MessageKindService} {
		inBubble(string(kind), t, func(t *testing.T) {
			m := text("e1", "new text")
			m.Kind, m.Target = kind, ptr("1")
			w, s := receives(t, channel.Account{Access: inbox.Access{DM: inbox.PolicyOpen}}, text("1", "old"), m, m)
			if got := w.turns(); len(got) != 1 || got["1"].Message.Text != "old" {
				t.Errorf("turns %v", got)
			}
			if st := status(t, s); st["received"] != 2.0 || st["duplicates"] != 1.0 {
				t.Errorf("status %v", st)
			}
		})
	}
	inBubble("the bot itself", t, func(t *testing.T) {
		m := text("1", "echo")
		m.Sender.ID = "bot"
		w, _ := receives(t, channel.Account{Access: inbox.Access{DM: inbox.PolicyOpen}}, m)
		if n := len(w.turns()); n != 0 {
			t.Errorf("the bot answers itself: %d turns", n)
		}
	})
	inBubble("a very long id", t, func(t *testing.T) {
		w, s := receives(t, channel.Account{Access: inbox.Access{DM: inbox.PolicyOpen}}, text(strings.Repeat("i", 900), "a"), text(strings.Repeat("i", 900), "a"), text(strings.Repeat("i", 901), "b"), text("a/b c%", "c"))
		if n := len(w.turns()); n != 3 {
			t.Errorf("%d turns, status %v", n, status(t, s))
		}
	})
}
