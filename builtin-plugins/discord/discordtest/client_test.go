package discordtest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/bwmarrin/discordgo"

	"github.com/carapace-gateway/carapace/builtin-plugins/discord/discordtest"
)

// patience only bounds a failing test.
const patience = 3 * time.Minute

// client connects the real client library to a server. The library keeps its addresses in variables, so that one test at a
// time can have it.
func client(t *testing.T, s *discordtest.Server) *discordgo.Session {
	t.Helper()
	root, err := s.Listen("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	api := root + "/api/v" + discordgo.APIVersion + "/"
	for variable, value := range map[*string]string{
		&discordgo.EndpointDiscord: root + "/", &discordgo.EndpointAPI: api, &discordgo.EndpointGuilds: api + "guilds/",
		&discordgo.EndpointChannels: api + "channels/", &discordgo.EndpointUsers: api + "users/", &discordgo.EndpointGateway: api + "gateway",
		&discordgo.EndpointGatewayBot: api + "gateway/bot", &discordgo.EndpointWebhooks: api + "webhooks/", &discordgo.EndpointApplications: api + "applications",
	} {
		before := *variable
		*variable = value
		t.Cleanup(func() { *variable = before })
	}
	c, err := discordgo.New("Bot " + s.Token())
	if err != nil {
		t.Fatal(err)
	}
	c.Identify.Intents = discordgo.IntentsAllWithoutPrivileged | discordgo.IntentMessageContent
	t.Cleanup(func() {
		_ = c.Close()
		_ = s.Close()
	})
	return c
}

func wait(t *testing.T, s *discordtest.Server, what string, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := s.Wait(ctx, ok); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

func next[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(patience):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}

// TestRealClient is the proof that the server is one that a real client library takes for Discord: it identifies, hears and
// answers, and resumes its session when the connection breaks.
func TestRealClient(t *testing.T) {
	s := discordtest.New(discordtest.Config{Heartbeat: time.Second})
	c := client(t, s)
	guild := s.AddGuild("Friends")
	channel := s.AddChannel(guild.ID, "general")
	heard, resumed := make(chan *discordgo.MessageCreate, 16), make(chan *discordgo.Resumed, 4)
	c.AddHandler(func(_ *discordgo.Session, m *discordgo.MessageCreate) {
		if m.Author.ID != s.Bot().ID {
			heard <- m
		}
	})
	c.AddHandler(func(_ *discordgo.Session, r *discordgo.Resumed) { resumed <- r })
	if err := c.Open(); err != nil {
		t.Fatal(err)
	}
	if me := c.State.User; me == nil || me.ID != s.Bot().ID {
		t.Errorf("the client is %+v", me)
	}
	s.Write(discordtest.Person(1), channel.ID, "hello <@"+s.Bot().ID+">")
	m := next(t, heard)
	if m.Author.Username != "person1" || m.GuildID != guild.ID || len(m.Mentions) != 1 || m.Mentions[0].ID != s.Bot().ID {
		t.Errorf("heard %+v", m.Message)
	}
	answer, err := c.ChannelMessageSendReply(channel.ID, "echo "+m.Content, m.Reference())
	if err != nil || answer.MessageReference == nil || answer.MessageReference.MessageID != m.ID {
		t.Fatalf("answered %+v, %v", answer, err)
	}
	if got := s.FromBot(channel.ID); len(got) != 1 || !strings.HasPrefix(got[0].Content, "echo hello") {
		t.Errorf("the channel shows %+v", got)
	}
	wait(t, s, "a heartbeat", func() bool { return s.Stats().Heartbeats > 0 })
	s.Drop()
	wait(t, s, "the connection to break", func() bool { return !s.Connected() })
	s.Write(discordtest.Person(1), channel.ID, "while you were away")
	next(t, resumed)
	if m := next(t, heard); m.Content != "while you were away" {
		t.Errorf("heard %q", m.Content)
	}
	if got := s.Stats(); got.Identifies != 1 || got.Resumes == 0 {
		t.Errorf("%+v", got)
	}
}

// TestRealClientCalls has the library call what bots call.
func TestRealClientCalls(t *testing.T) {
	s := discordtest.New(discordtest.Config{})
	c := client(t, s)
	said := s.DM(discordtest.Person(7), "hi")
	dm, err := c.UserChannelCreate(discordtest.Person(7).ID)
	if err != nil || dm.ID != said.ChannelID {
		t.Fatal(dm, err)
	}
	if c, err := c.Channel(dm.ID); err != nil || c.Type != discordgo.ChannelTypeDM {
		t.Error(c, err)
	}
	sent, err := c.ChannelMessageSendComplex(dm.ID, &discordgo.MessageSend{
		Content: "choose", Files: []*discordgo.File{{Name: "a.txt", ContentType: "text/plain", Reader: strings.NewReader("abc")}},
		Components: []discordgo.MessageComponent{discordgo.ActionsRow{Components: []discordgo.MessageComponent{discordgo.Button{Label: "Yes", CustomID: "y"}}}},
	})
	if err != nil || len(sent.Attachments) != 1 || sent.Attachments[0].Size != 3 || len(sent.Components) != 1 {
		t.Fatalf("%+v, %v", sent, err)
	}
	if m, err := c.ChannelMessageEdit(dm.ID, sent.ID, "chosen"); err != nil || m.Content != "chosen" || m.EditedTimestamp == nil {
		t.Error(m, err)
	}
	if err := c.MessageReactionAdd(dm.ID, said.ID, "👍"); err != nil {
		t.Error(err)
	}
	if m, err := c.ChannelMessage(dm.ID, said.ID); err != nil || len(m.Reactions) != 1 || !m.Reactions[0].Me {
		t.Error(m, err)
	}
	if err := c.MessageReactionRemove(dm.ID, said.ID, "👍", "@me"); err != nil {
		t.Error(err)
	}
	if err := c.ChannelTyping(dm.ID); err != nil {
		t.Error(err)
	}
	if _, err := c.ApplicationCommandBulkOverwrite(discordtest.ApplicationID, "", []*discordgo.ApplicationCommand{{Name: "ask", Description: "Ask"}}); err != nil || len(s.Commands()) != 1 {
		t.Error(err, s.Commands())
	}
	id := s.Command(discordtest.Person(7), dm.ID, "ask", "x")
	err = c.InteractionRespond(&discordgo.Interaction{ID: id, Token: "interaction-" + id}, &discordgo.InteractionResponse{Type: discordgo.InteractionResponseDeferredMessageUpdate})
	if err != nil || !s.Acknowledged(id) {
		t.Error(err)
	}
	if err := c.ChannelMessageDelete(dm.ID, sent.ID); err != nil {
		t.Error(err)
	}
	s.Refuse(discordtest.Person(7).ID, 403, 50007, "Cannot send messages to this user")
	refused := (*discordgo.RESTError)(nil)
	if _, err := c.ChannelMessageSend(dm.ID, "x"); !errors.As(err, &refused) || refused.Message.Code != discordgo.ErrCodeCannotSendMessagesToThisUser {
		t.Errorf("refused: %v", err)
	}
	s.Refuse(discordtest.Person(7).ID, 0, 0, "")
	s.Fail(discordtest.Fault{Route: "POST /channels/{channel}/messages", Status: 429, RetryAfter: 0.01})
	if _, err := c.ChannelMessageSend(dm.ID, "again"); err != nil || len(s.CallsOf("POST /channels/{channel}/messages")) < 4 {
		t.Errorf("limited: %v", err)
	}
}

// TestTheGatewayRefuses what Discord refuses, with its codes.
func TestTheGatewayRefuses(t *testing.T) {
	s := discordtest.New(discordtest.Config{Disallowed: discordtest.IntentContent})
	c := client(t, s)
	if err := c.Open(); err == nil || !strings.Contains(err.Error(), "4014") {
		t.Errorf("intents that are not switched on: %v", err)
	}
	c.Identify.Intents = discordgo.IntentsAllWithoutPrivileged
	c.Identify.Token = "Bot wrong"
	if err := c.Open(); err == nil || !strings.Contains(err.Error(), "4004") {
		t.Errorf("a wrong token: %v", err)
	}
}
