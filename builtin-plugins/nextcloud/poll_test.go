package nextcloud_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/builtin-plugins/nextcloud/nextcloudtest"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/wit"
)

// asks asks a poll of the bot's.
func (a *account) asks(r *nextcloudtest.Room, p wit.ChannelPoll) (*wit.Sent, error) {
	p.Account, p.Config, p.State, p.To.ID, p.To.Kind = "default", a.Config, a.State(), r.Token, wit.ConversationKindGroup
	return a.Plugin.(channel.Poller).Poll(a.Host.SDK(), &p)
}

// TestPolls: a poll is asked once, and what came of it is told when somebody has ended it.
func TestPolls(t *testing.T) {
	channeltest.Proves(t, channeltest.Polls)
	t.Parallel()
	a := connected(t, nextcloudtest.Config{})
	bob := a.server.Register("bob", "Bob")
	club := a.ann.NewGroup("Club", a.bot, bob)
	a.ann.Say(club, "hello", 0)
	a.Until("the group is known", func() bool { return slices.Contains(a.texts(), "hello") })
	tea := wit.ChannelPoll{Question: "Tea?", Options: []string{"green & white", "black"}, MaxSelections: 2, IdempotencyKey: "p"}
	a.server.Fail(nextcloudtest.Fault{Call: "poll", CutAfter: true})
	if _, err := a.asks(club, tea); !wit.AsError(err).Retryable {
		t.Fatalf("an answer that was lost: %v", err)
	}
	sent, err := a.asks(club, tea)
	if err != nil || len(sent.IDs) != 1 {
		t.Fatalf("%+v, %v", sent, err)
	}
	if again, err := a.asks(club, tea); err != nil || !slices.Equal(again.IDs, sent.IDs) {
		t.Errorf("%+v, %v", again, err)
	}
	polls := a.server.Polls(club)
	if len(polls) != 1 || polls[0].Question != "Tea?" || !slices.Equal(polls[0].Options, tea.Options) || polls[0].MaxVotes != 2 {
		t.Fatalf("%+v", polls)
	}
	a.ann.Vote(polls[0], 0, 1)
	bob.Vote(polls[0], 1)
	a.ann.End(polls[0])
	a.Until("the result is told", func() bool { return len(a.Inbox()) >= 2 && a.Inbox()[len(a.Inbox())-1].Kind == wit.MessageKindService })
	m := a.Inbox()[len(a.Inbox())-1]
	if m.Text != "[ended the poll “Tea?”: green & white 1 (Ann); black 2 (Ann, Bob)]" || m.ReplyTo == nil || m.ReplyTo.ID != sent.IDs[0] || m.Sender.ID != "users/ann" || m.Conversation.ID != club.Token {
		t.Errorf("%s", wit.Marshal(&m))
	}
	// In a conversation of two Talk has no polls, and one needs two options.
	if _, err := a.asks(a.direct, tea); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("in a conversation of two: %v", err)
	}
	if _, err := a.asks(club, wit.ChannelPoll{Question: "?", Options: []string{"one", " "}, IdempotencyKey: "one"}); wit.CodeOf(err) != wit.CodeInvalid {
		t.Errorf("one option: %v", err)
	}
}

// TestAPollThatEndsIsTold: also one that another one has asked, when the gateway is stopped before the result has come, and when that cannot be had.
func TestAPollThatEndsIsTold(t *testing.T) {
	t.Parallel()
	a := connected(t, nextcloudtest.Config{})
	bob := a.server.Register("bob", "Bob")
	club := a.ann.NewGroup("Club", a.bot, bob)
	a.ann.Say(club, "hello", 0)
	a.Until("the group is known", func() bool { return slices.Contains(a.texts(), "hello") })
	ask := func(question string) *nextcloudtest.Poll {
		t.Helper()
		if _, err := a.asks(club, wit.ChannelPoll{Question: question, Options: []string{"yes", "no"}, IdempotencyKey: question}); err != nil {
			t.Fatal(err)
		}
		list := a.server.Polls(club)
		bob.Vote(list[len(list)-1], 0)
		return list[len(list)-1]
	}
	told := func(want string) {
		t.Helper()
		a.Until(want, func() bool { return slices.Contains(a.texts(), want) })
	}
	first := ask("first")
	a.server.Fail(nextcloudtest.Fault{Call: "result", Delay: time.Second})
	a.ann.End(first)
	a.Until("the end is noted", func() bool { return strings.Contains(string(a.State()), `"question":"first"`) })
	a.ann.Say(club, "what has come of it?", 0) // with which that is committed
	told("what has come of it?")
	a.Crash()
	a.Start()
	told("[ended the poll “first”: yes 1 (Bob); no 0]")
	second := ask("second")
	a.server.Fail(nextcloudtest.Fault{Call: "result", Status: 500})
	a.ann.End(second)
	told("[ended the poll “second”]")
	theirs := a.ann.Ask(club, "theirs", "one", "two")
	told("[poll] theirs")
	bob.Vote(theirs, 1)
	a.ann.End(theirs)
	told("[ended the poll “theirs”: one 0; two 1 (Bob)]")
}
