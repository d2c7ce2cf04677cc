package main

import (
	"testing"

	"github.com/carapace-gateway/carapace/sdk/go/sdktest"
	"github.com/carapace-gateway/carapace/wit"
)

// account plays the kernel: it keeps the state.
type account struct {
	t     *testing.T
	state wit.JSON
}

func (a *account) event(e wit.ChannelEvent) *wit.ChannelAnswer {
	a.t.Helper()
	e.Config, e.State = wit.JSON(`{"url":"wss://chat.example.org"}`), a.state
	answer, err := hub{}.Event(new(sdktest.Host).SDK(), &e)
	if err != nil {
		a.t.Fatal(err)
	}
	if answer == nil {
		return &wit.ChannelAnswer{}
	}
	a.state = answer.State
	return answer
}

// hears returns the answer to what the server says.
func (a *account) hears(words string) *wit.ChannelAnswer {
	a.t.Helper()
	return a.event(wit.ChannelEvent{Kind: wit.EventKindMessage, Message: &wit.Frame{Connection: "hub", Text: &words}})
}

func (a *account) send() (*wit.Sent, error) {
	return hub{}.Send(new(sdktest.Host).SDK(), &wit.ChannelSend{
		State: a.state, To: wit.Conversation{ID: "r1"}, Text: "hi", IdempotencyKey: "k1",
	})
}

// says fails unless these are the frames, in order.
func says(t *testing.T, frames []wit.Frame, want ...string) {
	t.Helper()
	if len(frames) != len(want) {
		t.Fatalf("%d frames, not %q", len(frames), want)
	}
	for i, f := range frames {
		if *f.Text != want[i] {
			t.Errorf("it says %s, not %s", *f.Text, want[i])
		}
	}
}

func TestConversation(t *testing.T) {
	a := &account{t: t}
	if open := a.event(wit.ChannelEvent{Kind: wit.EventKindStart}).Open; len(open) != 1 || open[0].URL != "wss://chat.example.org" {
		t.Fatalf("it opens %+v", open)
	}
	hello := a.event(wit.ChannelEvent{Kind: wit.EventKindOpened}).Frames
	says(t, hello, `{"token":"{{credential:token}}","after":0}`)
	if !hello[0].Fill {
		t.Error("the token is not filled in")
	}
	if _, err := a.send(); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("before the server has let it in: %v", err)
	}
	a.hears(`{"welcome":true}`)
	said := a.hears(`{"number":1,"room":"r1","from":"ann","text":"hello"}`)
	if len(said.Messages) != 1 || said.Messages[0].Conversation.ID != "r1" || said.Messages[0].Sender.ID != "ann" {
		t.Errorf("%+v", said.Messages)
	}
	says(t, said.Frames, `{"seen":1}`)
	if again := a.hears(`{"number":1,"from":"ann","text":"hello"}`); len(again.Messages)+len(again.Frames) != 0 {
		t.Errorf("the same once more: %+v", again)
	}
	sent, err := a.send()
	if err != nil || sent.Awaits == nil || sent.Awaits.Token != "k1" {
		t.Fatalf("%+v, %v", sent, err)
	}
	says(t, sent.Frames, `{"to":"r1","text":"hi","key":"k1"}`)
	if c := a.hears(`{"key":"k1","number":5}`).Confirmed; len(c) != 1 || c[0].Token != "k1" || c[0].IDs[0] != "5" {
		t.Errorf("the receipt: %+v", c)
	}
	a.event(wit.ChannelEvent{Kind: wit.EventKindClosed, Closed: &wit.Closed{}})
	if _, err := a.send(); wit.CodeOf(err) != wit.CodeUnavailable {
		t.Errorf("after the connection has ended: %v", err)
	}
	says(t, a.event(wit.ChannelEvent{Kind: wit.EventKindOpened}).Frames, `{"token":"{{credential:token}}","after":1}`)
	closed := a.event(wit.ChannelEvent{Kind: wit.EventKindClosed, Closed: &wit.Closed{Code: 4001}})
	if closed.Status.State != wit.ConnectionStateNeedsLogin {
		t.Errorf("a wrong token: %+v", closed.Status)
	}
}

func TestTranscripts(t *testing.T) { sdktest.Replay(t, hub{}, "testdata/*.jsonl") }
