package slack_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/slack/slacktest"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/kernel/store/storetest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// posts waits until a channel shows n messages of the bot and returns them.
func posts(t *testing.T, s *slacktest.Server, channel string, n int) []slacktest.Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	if err := s.Wait(ctx, func() bool { return len(s.Posts(channel)) >= n }); err != nil {
		t.Fatalf("%s shows %d messages of the bot, not %d", channel, len(s.Posts(channel)), n)
	}
	return s.Posts(channel)
}

// TestAnUpgradeUnderTraffic keeps the websocket open, and loses and doubles nothing.
func TestAnUpgradeUnderTraffic(t *testing.T) {
	channeltest.Proves(t, channeltest.Upgrades)
	crowd, err := slacktest.NewCrowd(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = crowd.Close() })
	state := t.TempDir()
	g := storm.Start(t, crowd, "..", state, "")
	said := make(chan struct{})
	var oracle channeltest.Oracle
	go func() {
		defer close(said)
		for i := range 24 {
			crowd.Say(i%8, oracle.Ask(i%8))
			_ = crowd.Wait(t.Context(), func() bool { return crowd.Waiting() < 2 })
		}
	}()
	for i := range 2 {
		g.Upgrade("..", state, "slack", fmt.Sprintf("9.0.%d", i))
	}
	<-said
	crowd.Say(0, oracle.Ask(0)) // to the last version, whatever came before
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	defer cancel()
	_ = crowd.Wait(ctx, func() bool { return len(oracle.Count(crowd.Heard()).Lost) == 0 })
	if got := oracle.Count(crowd.Heard()); len(got.Lost)+len(got.Doubled())+len(got.Wrong)+got.Disordered > 0 {
		t.Errorf("%+v", got)
	}
	if n := crowd.Opened(); n != 1 {
		t.Errorf("%d websockets were opened", n)
	}
}

// TestWhatWasNotWrittenDownComesAgain: a gateway that cannot write down what Slack told it does not acknowledge it; the next one
// gets it once more, and answers once.
func TestWhatWasNotWrittenDownComesAgain(t *testing.T) {
	s := workspace(slacktest.Config{})
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	disk, keyring := storetest.NewFaulty(store.OpenMemory()), kerneltest.Keyring{}
	begin := func() *kerneltest.Kernel {
		return kerneltest.Start(t, kerneltest.Bundled(t, ".."), kerneltest.Compiled(t), kerneltest.Store(disk, keyring),
			kerneltest.Config(t, fmt.Sprintf(`{"channels":{"slack":{"accounts":{"default":{"dmPolicy":"open","groupPolicy":"open","config":{"apiRoot":%q}}}}}}`, root)))
	}
	k := begin()
	l := k.Listen()
	l.MustCall("plugins.configure", map[string]any{"id": "slack", "account": "default", "secrets": map[string]string{"botToken": s.BotToken(), "appToken": s.AppToken()}}, nil)
	s.DM(ada.ID, "what is 1+1?")
	posts(t, s, ada.ID, 1)
	if err := s.Wait(t.Context(), func() bool { return s.Waiting() == 0 }); err != nil {
		t.Fatal(err)
	}
	disk.Fail(storetest.FaultBefore, 1, 1<<40)
	s.DM(ada.ID, "what is 20+3?")
	l.Until("the log to say that the store fails", func([]client.Event) bool {
		return strings.Contains(strings.Join(k.Logged(), "\n"), "event waits for the store")
	})
	if n := s.Waiting(); n != 1 {
		t.Errorf("%d things wait to be acknowledged", n)
	}
	k.Stop()
	disk.Fail("", 0, 0)
	begin()
	posts(t, s, ada.ID, 2)
	if err := s.Wait(t.Context(), func() bool { return s.Waiting() == 0 }); err != nil {
		t.Fatal(err)
	}
	again := s.Repeated()
	s.Redeliver(3)
	if err := s.Wait(t.Context(), func() bool { return s.Waiting() == 0 && s.Repeated() == again+3 }); err != nil {
		t.Fatal(err)
	}
	s.DM(ada.ID, "what is 5*5?")
	got := posts(t, s, ada.ID, 3)
	if again == 0 || len(got) != 3 || !strings.Contains(got[1].Text, "23") || !strings.Contains(got[2].Text, "25") {
		t.Errorf("after %d repetitions the bot has said %+v", again, got)
	}
	if logged := strings.Join(k.Logged(), "\n"); strings.Contains(logged, s.BotToken()) || strings.Contains(logged, s.AppToken()) {
		t.Error("a token was logged")
	}
}

// TestTwoWorkspaces are accounts of one gateway. In the one an answer appears while it is written, in a thread below the message
// that names the bot; to the other a text is sent that is longer than a message may be.
func TestTwoWorkspaces(t *testing.T) {
	channeltest.Proves(t, channeltest.Streaming, channeltest.LongText, channeltest.Accounts, channeltest.Groups, channeltest.Markup)
	one, err := slacktest.NewCrowd(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = one.Close() })
	other := workspace(slacktest.Config{BotToken: "xoxb-other", AppToken: "xapp-other"})
	root, err := other.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	g, finish := storm.StartSlow(t, one, "..")
	g.MustCall("plugins.configure", map[string]any{"id": "slack", "account": "default", "access": map[string]any{"dmPolicy": "open", "groupPolicy": "open"}}, nil)
	g.MustCall("plugins.configure", map[string]any{"id": "slack", "account": "other", "config": map[string]any{"apiRoot": root},
		"secrets": map[string]string{"botToken": other.BotToken(), "appToken": other.AppToken()}}, nil)

	one.AddUser(ada)
	one.AddChannel(club)
	asked := one.Server.Say(club.ID, said(ada.ID, "<@"+one.Bot().ID+"> tell me"))
	shows := func(text string) func() bool {
		return func() bool {
			list := one.Posts(club.ID)
			return len(list) == 1 && list[0].Text == text && list[0].ThreadTS == asked.TS
		}
	}
	if err := one.Wait(t.Context(), shows("*The beginning* of")); err != nil {
		t.Fatal(err)
	}
	finish()
	if err := one.Wait(t.Context(), shows("*The beginning* of it, and the end.")); err != nil {
		t.Fatal(err)
	}
	g.MustCall("send", map[string]any{"channel": "slack", "accountId": "other", "to": "U0ADA", "message": strings.Repeat("**слово** ", 700), "idempotencyKey": "long"}, nil)
	list := posts(t, other, ada.ID, 3)
	for _, m := range list {
		if len(m.Text) > 4000 || !strings.HasPrefix(m.Text, "*слово* *слово*") { // bytes, of which a change may have no more
			t.Errorf("%d bytes: %.40q", len(m.Text), m.Text)
		}
	}
}
