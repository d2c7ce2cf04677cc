package telegram_test

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/carapace-gateway/carapace/builtin-plugins/telegram/botapitest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

// TestVotes: what people choose in a poll of the bot's is told, and that they take it back; what others ask is not.
func TestVotes(t *testing.T) {
	s, g := sender(t, botapitest.Config{}, config)
	there := wit.Conversation{Kind: wit.ConversationKindGroup, ID: "-1007", Thread: new("5")}
	sent, err := g.Plugin.(channel.Poller).Poll(g.Host.SDK(), &wit.ChannelPoll{Config: g.Config, To: there, Question: "Tea?", Options: []string{"green", "black", "none"}, MaxSelections: 3})
	if err != nil {
		t.Fatal(err)
	}
	number, _ := strconv.ParseInt(strings.TrimPrefix(sent.IDs[0], "-1007:"), 10, 64)
	g.Start()
	s.Vote(-1007, number, ada, 0, 2)
	s.Vote(-1007, number, ada)
	s.Updates.Inject("poll_answer", botapitest.PollAnswer{PollID: "another", User: ada, OptionIDs: []int{0}})
	s.DM(ada, "done")
	all := g.Messages(4)
	if all[3].Text != "done" {
		t.Fatalf("told %+v", all)
	}
	votes := all[1:3]
	if votes[0].Text != "[voted in the poll “Tea?”: green, none]" || votes[1].Text != "[took back the vote in the poll “Tea?”]" {
		t.Fatalf("told %+v", votes)
	}
	if m := votes[0]; m.Conversation.ID != "-1007" || *m.Conversation.Thread != "5" || m.Sender.ID != "7" || m.ReplyTo.ID != sent.IDs[0] {
		t.Errorf("told %+v", m)
	}
}

// TestPolls: a question with options, to people, to a topic, to a channel, where it has to be anonymous, and to a group that has moved.
func TestPolls(t *testing.T) {
	channeltest.Proves(t, channeltest.Polls)
	s, g := sender(t, botapitest.Config{}, config)
	s.AddChat(botapitest.Chat{ID: -1009, Type: "channel", Title: "News"})
	ask := func(poll wit.ChannelPoll) (*wit.Sent, error) {
		poll.Config = g.Config
		return g.Plugin.(channel.Poller).Poll(g.Host.SDK(), &poll)
	}
	topic := wit.Conversation{Kind: wit.ConversationKindGroup, ID: "-1007", Thread: new("5")}
	last := func() botapitest.Message { list := s.Sent(); return list[len(list)-1].Message }

	sent, err := ask(wit.ChannelPoll{To: toAda, Question: "Tea?", Options: []string{"yes", "no"}, MaxSelections: 1})
	if err != nil || !slices.Equal(sent.IDs, []string{"7:2"}) {
		t.Fatalf("%+v %v", sent, err)
	}
	if p := last().Poll; p == nil || p.Question != "Tea?" || len(p.Options) != 2 || p.Options[0].Text != "yes" || p.Options[1].Text != "no" || p.Anonymous || p.Multiple {
		t.Errorf("asked %+v", p)
	}
	long := strings.Repeat("é", 400)
	if _, err := ask(wit.ChannelPoll{To: topic, Question: long, Options: []string{long, "b"}, MaxSelections: 2}); err != nil {
		t.Fatal(err)
	}
	m := last()
	if m.MessageThreadID != 5 || !m.Poll.Multiple || utf8.RuneCountInString(m.Poll.Question) != 300 || utf8.RuneCountInString(m.Poll.Options[0].Text) != 100 {
		t.Errorf("asked %+v", m)
	}
	if _, err := ask(wit.ChannelPoll{To: wit.Conversation{Kind: wit.ConversationKindChannel, ID: "-1009"}, Question: "Tea?", Options: []string{"a", "b"}}); err != nil || !last().Poll.Anonymous {
		t.Errorf("in a channel: %v %+v", err, last().Poll)
	}
	for _, options := range [][]string{{"one"}, make([]string, 13)} {
		if _, err := ask(wit.ChannelPoll{To: toAda, Question: "?", Options: options}); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%d options: %v", len(options), err)
		}
	}
	s.CloseTopic(-1007, 5)
	if _, err := ask(wit.ChannelPoll{To: topic, Question: "Still?", Options: []string{"a", "b"}}); err != nil || last().MessageThreadID != 0 {
		t.Errorf("a topic that is closed: %v %+v", err, last())
	}
	s.Block(7, "bot was blocked by the user")
	if sent, err := ask(wit.ChannelPoll{To: toAda, Question: "Tea?", Options: []string{"a", "b"}}); wit.CodeOf(err) != wit.CodeForbidden || sent != nil {
		t.Errorf("blocked: %v %+v", err, sent)
	}
	s.AddChat(botapitest.Chat{ID: -5, Type: "group", Title: "Home"})
	s.Upgrade(-5, -1005)
	if sent, err := ask(wit.ChannelPoll{To: wit.Conversation{Kind: wit.ConversationKindGroup, ID: "-5"}, Question: "Tea?", Options: []string{"a", "b"}}); err != nil || len(sent.IDs) != 1 || !strings.HasPrefix(sent.IDs[0], "-1005:") || sent.Moved == nil || sent.Moved.ID != "-1005" {
		t.Errorf("a group that has moved: %v %+v", err, sent)
	}
}
