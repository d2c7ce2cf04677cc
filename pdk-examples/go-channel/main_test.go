package main

import (
	"fmt"
	"testing"

	"github.com/carapace-gateway/carapace/pdk-examples/go-channel/toychat"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest"
	"github.com/carapace-gateway/carapace/sdk/go/channel/channeltest/rig"
	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

const config = `{"url":"http://toy"}`

func event(t *testing.T, host *sdktest.Host, e wit.ChannelEvent) *wit.ChannelAnswer {
	t.Helper()
	e.Config = wit.JSON(config)
	answer, err := toy{}.Event(host.SDK(), &e)
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

// TestConversation plays the kernel: start, poll, response, poll again, send.
func TestConversation(t *testing.T) {
	server := toychat.New()
	host := &sdktest.Host{HTTP: server, Credentials: map[string]string{"token": toychat.Token}}
	server.Say("ann", "hello")
	server.Say("bob", "\"hi\"")
	answer := event(t, host, wit.ChannelEvent{Kind: wit.EventKindStart})
	response, err := host.Do(&answer.Requests[0])
	if err != nil {
		t.Fatal(err)
	}
	answer = event(t, host, wit.ChannelEvent{Kind: wit.EventKindResponse, State: answer.State, Response: response})
	if len(answer.Messages) != 2 || answer.Messages[1].Text != "\"hi\"" || answer.Messages[1].Conversation.ID != "bob" || string(answer.State) != "2" {
		t.Fatalf("%+v", answer)
	}
	if poll := answer.Requests[0].URL; poll != "http://toy/messages?after=2" {
		t.Errorf("it goes on with %s", poll)
	}
	for range 2 { // as after a crash: the same key makes one message
		sent, err := toy{}.Send(host.SDK(), &wit.ChannelSend{Config: wit.JSON(config), To: wit.Conversation{ID: "ann"}, Text: "yes?", IdempotencyKey: "k1"})
		if err != nil || len(sent.IDs) != 1 || sent.IDs[0] != "3" {
			t.Fatalf("%+v, %v", sent, err)
		}
	}
	if posts := server.Posts(t.Context(), "ann", 1); len(posts) != 1 || posts[0] != "yes?" {
		t.Errorf("%q", posts)
	}
}

// TestNothingIsLost: while the gateway crashes again and again, each question that people ask is told once, in their order, and each answer,
// which is sent twice as after a crash, is there once.
func TestNothingIsLost(t *testing.T) {
	server, people := toychat.New(), []string{"ann", "bob"}
	host := &sdktest.Host{HTTP: server, Credentials: map[string]string{"token": toychat.Token}}
	account, oracle := rig.New(t, toy{}, host, config), channeltest.Oracle{}
	account.Start()
	const questions = 20
	for i := range questions {
		server.Say(people[i%2], oracle.Ask(i%2))
		if i%5 == 4 {
			account.Crash()
			account.Start()
		}
	}
	for _, m := range account.Messages(questions) {
		var n int
		if _, err := fmt.Sscanf(m.Text, "what is 3*%d?", &n); err != nil {
			t.Fatalf("%q: %v", m.Text, err)
		}
		for range 2 {
			account.Send(wit.ChannelSend{To: m.Conversation, Text: fmt.Sprintf("3*%d is %d", n, 3*n), IdempotencyKey: m.ID})
		}
	}
	var heard []channeltest.Heard
	for i, person := range people {
		for _, text := range server.Posts(t.Context(), person, questions/2) {
			heard = append(heard, channeltest.Heard{Person: i, Text: text})
		}
	}
	if tally := oracle.Count(heard); tally.Asked != questions || len(tally.Lost)+len(tally.Doubled())+len(tally.Wrong)+tally.Disordered > 0 {
		t.Errorf("of %d: lost %v, doubled %v, wrong %q, %d in another order", tally.Asked, tally.Lost, tally.Doubled(), tally.Wrong, tally.Disordered)
	}
}

func TestWrongToken(t *testing.T) {
	host := &sdktest.Host{HTTP: toychat.New(), Credentials: map[string]string{"token": "stolen"}}
	answer := event(t, host, wit.ChannelEvent{Kind: wit.EventKindStart})
	response, err := host.Do(&answer.Requests[0])
	if err != nil {
		t.Fatal(err)
	}
	answer = event(t, host, wit.ChannelEvent{Kind: wit.EventKindResponse, Response: response})
	if answer.Status == nil || answer.Status.State != wit.ConnectionStateNeedsLogin || len(answer.Requests)+len(answer.Timers) != 0 {
		t.Errorf("%+v", answer)
	}
	_, err = toy{}.Send(host.SDK(), &wit.ChannelSend{Config: wit.JSON(config), To: wit.Conversation{ID: "ann"}, Text: "yes?", IdempotencyKey: "k1"})
	if wit.CodeOf(err) != wit.CodeUnauthorized {
		t.Errorf("%v", err)
	}
}

func TestTranscripts(t *testing.T) { sdktest.Replay(t, toy{}, "testdata/*.jsonl") }
