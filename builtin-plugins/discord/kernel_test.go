package discord_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/channeltest/storm"
	"github.com/carapace-gateway/carapace/builtin-plugins/discord/discordtest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
)

// TestGateway is what a whole gateway makes of Discord: each part has people of its own.
func TestGateway(t *testing.T) {
	crowd, err := discordtest.NewCrowd(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = crowd.Close() })
	state := t.TempDir()
	g := storm.Start(t, crowd, "..", state, "")
	g.MustCall("plugins.configure", map[string]any{"id": "discord", "account": "default", "access": map[string]any{"dmPolicy": "open", "groupPolicy": "open"}}, nil)
	if err := crowd.Wait(patience(t), crowd.Connected); err != nil {
		t.Fatal(err)
	}
	w := world{t, crowd.Server, g}
	t.Run("an upgrade keeps the connection", func(t *testing.T) { w.in(t).upgrades(state) })
	t.Run("a broken connection loses nothing", func(t *testing.T) { w.in(t).resumes() })
	t.Run("a channel, a thread and a command", func(t *testing.T) { w.in(t).groups() })
	t.Run("a second account", func(t *testing.T) { w.in(t).secondAccount() })
}

// patience only bounds a failing test.
func patience(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), kerneltest.Patience)
	t.Cleanup(cancel)
	return ctx
}

// world is a gateway and the Discord that it is connected to.
type world struct {
	t       *testing.T
	server  *discordtest.Server
	gateway *storm.Gateway
}

func (w world) in(t *testing.T) world { return world{t, w.server, w.gateway} }

// answered waits until the bot has said so much in a channel, each text with what it has to contain.
func (w world) answered(channel string, want ...string) []discordtest.Message {
	w.t.Helper()
	if err := w.server.Wait(patience(w.t), func() bool { return len(w.server.FromBot(channel)) >= len(want) }); err != nil {
		w.t.Fatalf("the channel shows %+v: %v", w.server.Messages(channel), err)
	}
	list := w.server.FromBot(channel)
	for i, text := range want {
		if !strings.Contains(strings.ReplaceAll(list[i].Content, ",", ""), text) {
			w.t.Errorf("answer %d is %q, without %q", i, list[i].Content, text)
		}
	}
	return list
}

// upgrades puts new versions of the plugin in the place of the old while people write.
func (w world) upgrades(state string) {
	channeltest.Proves(w.t, channeltest.Upgrades)
	before := w.server.Stats()
	var people []string
	for i := range 8 {
		u := discordtest.Person(100 + i)
		people = append(people, w.server.DM(u, fmt.Sprintf("what is 3*%d?", 1000+i)).ChannelID)
		if i%3 == 1 {
			w.gateway.Upgrade("..", state, "discord", fmt.Sprintf("2.0.%d", i))
		}
	}
	for i, channel := range people {
		w.answered(channel, fmt.Sprint(3*(1000+i)))
	}
	if after := w.server.Stats(); after.Connections != before.Connections || after.Resumes != before.Resumes || after.Identifies != before.Identifies {
		w.t.Errorf("it connected again: %+v, before %+v", after, before)
	}
}

// resumes breaks the connection in each way, with something said while there is none.
func (w world) resumes() {
	channeltest.Proves(w.t, channeltest.Outages)
	before := w.server.Stats()
	u := discordtest.Person(200)
	chat := w.server.DM(u, "what is 1+1?").ChannelID
	w.answered(chat, "2")
	w.server.Drop()
	if err := w.server.Wait(patience(w.t), func() bool { return !w.server.Connected() }); err != nil {
		w.t.Fatal(err)
	}
	w.server.DM(u, "what is 2+2?")
	w.answered(chat, "2", "4")
	w.server.Mute(true)
	w.server.DM(u, "what is 3+3?")
	if err := w.server.Wait(patience(w.t), func() bool { return w.server.Stats().Resumes >= before.Resumes+2 }); err != nil {
		w.t.Fatalf("a gateway that does not answer heartbeats is not left: %+v", w.server.Stats())
	}
	w.server.Mute(false)
	w.answered(chat, "2", "4", "6")
	w.server.Reconnect()
	w.server.DM(u, "what is 4+4?")
	w.answered(chat, "2", "4", "6", "8")
	if err := w.server.Wait(patience(w.t), func() bool { return w.server.Stats().Resumes >= before.Resumes+3 }); err != nil {
		w.t.Errorf("asked to connect again, it does not: %+v", w.server.Stats())
	}
	if after := w.server.Stats(); after.Identifies != before.Identifies {
		w.t.Errorf("%+v, before %+v", after, before)
	}
	w.server.Forget()
	w.server.Drop()
	if err := w.server.Wait(patience(w.t), func() bool { return w.server.Stats().Identifies > before.Identifies && w.server.Connected() }); err != nil {
		w.t.Fatalf("a session that is over is not followed by another: %+v", w.server.Stats())
	}
	w.server.DM(u, "what is 5+5?")
	w.answered(chat, "2", "4", "6", "8", "10")
}

// groups has people write in a channel, in one of its threads, and by a command.
func (w world) groups() {
	channeltest.Proves(w.t, channeltest.Groups, channeltest.Mentions, channeltest.Threads, channeltest.Commands)
	me, ada := w.server.Bot().ID, discordtest.Person(300)
	guild := w.server.AddGuild("Friends")
	c := w.server.AddChannel(guild.ID, "general")
	thread := w.server.AddThread(c.ID, "sums", false)
	w.server.Write(ada, c.ID, "what is 1+1?")
	asked := w.server.Write(ada, c.ID, "<@"+me+"> what is 7*7?")
	m := w.answered(c.ID, "49")[0]
	if m.MessageReference == nil || m.MessageReference.MessageID != asked.ID {
		w.t.Errorf("it answers %+v", m.MessageReference)
	}
	w.server.Write(ada, thread.ID, "<@"+me+"> what is 8*8?")
	w.answered(thread.ID, "64")
	id := w.server.Command(ada, c.ID, "ask", "what is 9*9?")
	w.answered(c.ID, "49", "81")
	if !w.server.Acknowledged(id) {
		w.t.Error("the command was not acknowledged")
	}
}

// secondAccount runs another bot beside the first one.
func (w world) secondAccount() {
	channeltest.Proves(w.t, channeltest.Accounts)
	other, err := discordtest.NewCrowd(2)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = other.Close() })
	a := other.Account()
	w.gateway.MustCall("plugins.configure", map[string]any{"id": "discord", "account": "second", "config": a.Config, "secrets": a.Secrets,
		"access": map[string]any{"dmPolicy": "open"}, "test": true}, nil)
	u := discordtest.Person(400)
	for _, s := range []*discordtest.Server{other.Server, w.server} {
		chat := s.DM(u, "what is 6*6?").ChannelID
		world{w.t, s, w.gateway}.answered(chat, "36")
	}
	var status struct {
		ChannelAccounts map[string][]struct {
			AccountID string
			Connected bool
		}
	}
	w.gateway.MustCall("channels.status", map[string]any{}, &status)
	if b, _ := json.Marshal(status.ChannelAccounts["discord"]); string(b) != `[{"AccountID":"default","Connected":true},{"AccountID":"second","Connected":true}]` {
		w.t.Errorf("accounts %s", b)
	}
}
