package mattermost_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/mattermost/mattermosttest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// reached is a crowd whose server can call the gateway.
type reached struct {
	*mattermosttest.Crowd
	gateway string
}

// Reach implements channeltest.Reachable.
func (r *reached) Reach(url string) { r.gateway = url }

// Account implements channeltest.Platform.
func (r *reached) Account() channeltest.Account {
	a := r.Crowd.Account()
	a.Config["callbackUrl"], a.Secrets["callbackToken"] = r.gateway, "token-of-the-command"
	return a
}

// world is a gateway and the server that it is connected to.
type world struct {
	t       *testing.T
	crowd   *reached
	gateway *storm.Gateway
}

// TestGateway is what a whole gateway makes of Mattermost: each part has people of its own.
func TestGateway(t *testing.T) {
	crowd, err := mattermosttest.NewCrowd(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = crowd.Close() })
	p, state := &reached{Crowd: crowd}, t.TempDir()
	g := storm.Start(t, p, "..", state, "")
	g.MustCall("plugins.configure", map[string]any{"id": "mattermost", "account": "default", "access": map[string]any{"dmPolicy": "open", "groupPolicy": "open"}}, nil)
	crowd.AddUser(ada)
	crowd.AddChannel(club)
	t.Run("an upgrade keeps the connection", func(t *testing.T) { world{t, p, g}.upgrades(state) })
	t.Run("a channel and its threads", func(t *testing.T) { world{t, p, g}.channels() })
	t.Run("buttons and commands", func(t *testing.T) { world{t, p, g}.callbacks() })
	t.Run("a second account", func(t *testing.T) { world{t, p, g}.secondAccount() })
}

// patience only bounds a failing test.
func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	t.Cleanup(cancel)
	return ctx
}

// answered waits until the bot has posted so much in a channel, each with what it has to contain.
func answered(t *testing.T, s *mattermosttest.Server, channel string, want ...string) []mattermosttest.Post {
	t.Helper()
	if err := s.Wait(patience(t), func() bool { return len(s.FromBot(channel)) >= len(want) }); err != nil {
		t.Fatalf("the channel shows %v: %v", s.Posts(channel), err)
	}
	list := s.FromBot(channel)
	for i, words := range want {
		if !strings.Contains(strings.ReplaceAll(list[i].Message, ",", ""), words) {
			t.Errorf("answer %d is %q, without %q", i, list[i].Message, words)
		}
	}
	return list
}

// upgrades puts new versions of the plugin in the place of the old while people write.
func (w world) upgrades(state string) {
	channeltest.Proves(w.t, channeltest.Upgrades)
	s := w.crowd.Server
	before := s.Stats()
	for i := range 8 {
		s.DM(mattermosttest.Person(100+i), fmt.Sprintf("what is 3*%d?", 1000+i))
		if i%3 == 1 {
			w.gateway.Upgrade("..", state, "mattermost", fmt.Sprintf("2.0.%d", i))
		}
	}
	for i := range 8 {
		answered(w.t, s, mattermosttest.Person(100+i), fmt.Sprint(3*(1000+i)))
	}
	if after := s.Stats(); after != before {
		w.t.Errorf("it connected again: %+v, before %+v", after, before)
	}
}

// channels has people write in a channel, and in the thread of an answer.
func (w world) channels() {
	channeltest.Proves(w.t, channeltest.Groups, channeltest.Mentions, channeltest.Threads)
	s := w.crowd.Server
	say := func(message, root string) mattermosttest.Post {
		return s.Say(mattermosttest.Post{ChannelID: club.ID, UserID: ada.ID, Message: message, RootID: root})
	}
	say("what is 1+1?", "")
	asked := say("@carapace what is 7*7?", "")
	if p := answered(w.t, s, club.ID, "49")[0]; p.RootID != asked.ID {
		w.t.Errorf("the answer stands in %q", p.RootID)
	}
	say("what is 8*8?", asked.ID)
	if p := answered(w.t, s, club.ID, "49", "64")[1]; p.RootID != asked.ID {
		w.t.Errorf("the answer stands in %q", p.RootID)
	}
}

// callbacks has the server call the gateway: a call without the token is not taken.
func (w world) callbacks() {
	channeltest.Proves(w.t, channeltest.Commands)
	s, user, address := w.crowd.Server, mattermosttest.Person(300), w.crowd.gateway+"/plugins/mattermost/default/"
	s.DM(user, "what is 1+1?")
	p := answered(w.t, s, user, "2")[0]
	var b mattermosttest.Button
	b.Integration.URL = address
	for token, want := range map[string]int{"": 401, "another": 401, "token-of-the-command": 200} {
		b.Integration.Context = map[string]any{"token": token, "value": "nothing that is asked"}
		if status, err := s.Press(w.t.Context(), p, user, b); err != nil || status != want {
			w.t.Errorf("a button with the token %q is answered %d, %v", token, status, err)
		}
		if status, err := s.Command(w.t.Context(), address, token, user, s.DirectChannel(user), "/carapace", "what is 9*9?"); err != nil || status != want {
			w.t.Errorf("a command with the token %q is answered %d, %v", token, status, err)
		}
	}
	answered(w.t, s, user, "2", "This choice is over.", "81")
	if n := len(s.FromBot(user)); n != 3 {
		w.t.Errorf("the bot has posted %d times: %v", n, s.FromBot(user))
	}
}

// secondAccount runs another bot beside the first one.
func (w world) secondAccount() {
	channeltest.Proves(w.t, channeltest.Accounts, channeltest.LongText)
	other, err := mattermosttest.NewCrowd(2)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = other.Close() })
	a := other.Account()
	w.gateway.MustCall("plugins.configure", map[string]any{"id": "mattermost", "account": "second", "config": a.Config, "secrets": a.Secrets,
		"access": map[string]any{"dmPolicy": "open"}, "test": true}, nil)
	user := mattermosttest.Person(400)
	for _, s := range []*mattermosttest.Server{other.Server, w.crowd.Server} {
		s.DM(user, "what is 6*6?")
		answered(w.t, s, user, "36")
	}
	w.gateway.MustCall("send", map[string]any{"channel": "mattermost", "accountId": "second", "to": user, "message": strings.Repeat("**word** ", 2500), "idempotencyKey": "long"}, nil)
	list := answered(w.t, other.Server, user, "36", "**word** **word**", "**word**")
	if len(list) != 3 {
		w.t.Errorf("%d posts", len(list))
	}
	if logged := strings.Join(w.gateway.Logged(), "\n"); strings.Contains(logged, other.Token()) || strings.Contains(logged, "token-of-the-command") {
		w.t.Error("a token was logged")
	}
}

// TestALongAnswerAppearsWhileItIsWritten: its beginning is a post, which the whole answer takes the place of.
func TestALongAnswerAppearsWhileItIsWritten(t *testing.T) {
	channeltest.Proves(t, channeltest.Streaming)
	crowd, err := mattermosttest.NewCrowd(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = crowd.Close() })
	_, finish := storm.StartSlow(t, crowd, "..")
	crowd.Say(0, "tell me")
	shows := func(words string) func() bool {
		return func() bool {
			list := crowd.FromBot(mattermosttest.Person(0))
			return len(list) == 1 && list[0].Message == words
		}
	}
	if err := crowd.Wait(t.Context(), shows("**The beginning** of")); err != nil {
		t.Fatal(err)
	}
	finish()
	if err := crowd.Wait(t.Context(), shows("**The beginning** of it, and the end.")); err != nil {
		t.Fatal(err)
	}
	if n := len(crowd.Calls("POST", "/posts")); n != 1 {
		t.Errorf("%d posts were made", n)
	}
}
