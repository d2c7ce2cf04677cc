package talk_test

import (
	"context"
	"testing"

	"github.com/carapace-gateway/carapace/cmd/carapace/talk"
	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/wit"
)

// slow is a provider that says when it was asked and answers when it may.
type slow struct{ asked, answer chan struct{} }

func (s slow) provider() kerneltest.Option {
	return kerneltest.Plugin(kerneltest.Provider("slow", func(ctx context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		s.asked <- struct{}{}
		select {
		case <-s.answer:
			return kerneltest.Says("you said: " + kerneltest.Heard(c)), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}))
}

// until reads updates up to the first one of a kind.
func until(t *testing.T, conversation *talk.Conversation, kind talk.Kind) talk.Update {
	t.Helper()
	for u := range conversation.Updates() {
		if u.Kind == kind {
			return u
		}
		if u.Kind == talk.Failed {
			t.Fatal(u.Err)
		}
	}
	t.Fatalf("the conversation ended before an update of kind %d", kind)
	return talk.Update{}
}

// converse starts a conversation that gets each of its connections from the test.
func converse(t *testing.T) (*talk.Conversation, chan<- *client.Client) {
	t.Helper()
	connections := make(chan *client.Client, 1)
	conversation := talk.New("main", func(ctx context.Context) (*client.Client, error) {
		select {
		case c := <-connections:
			return c, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = conversation.Run(ctx) }()
	t.Cleanup(func() { stop(); <-ended })
	return conversation, connections
}

// TestAnswerThatEndedWhileAway cuts the connection while a run is going and lets the run end before the next one: the
// text comes from the history, in the history and in the end of the run.
func TestAnswerThatEndedWhileAway(t *testing.T) {
	s := slow{asked: make(chan struct{}, 1), answer: make(chan struct{})}
	k := kerneltest.Start(t, s.provider())
	watcher := k.Listen()
	conversation, connections := converse(t)
	first := k.Dial()
	connections <- first
	until(t, conversation, talk.History)
	key := talk.NewKey()
	conversation.Send(t.Context(), key, "hello")
	<-s.asked
	first.Close()
	until(t, conversation, talk.Disconnected)
	close(s.answer)
	watcher.End(key)
	if text := watcher.Ask("other", "and another"); text != "you said: and another" {
		t.Fatalf("the other run said %q", text)
	}
	connections <- k.Dial()
	const want = "you said: hello"
	history := until(t, conversation, talk.History).Messages
	if len(history) != 4 || history[1] != (talk.Message{Role: "assistant", Text: want, Run: key}) {
		t.Errorf("the history is %+v", history)
	}
	if u := until(t, conversation, talk.Final); u.Run != key || u.Text != want {
		t.Errorf("run %s ended with %q, want %q of run %s", u.Run, u.Text, want, key)
	}
}

// TestMessageWrittenWhileAway is sent by the next connection, and answered once.
func TestMessageWrittenWhileAway(t *testing.T) {
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo")))
	conversation, connections := converse(t)
	key := talk.NewKey()
	conversation.Send(t.Context(), key, "hello")
	connections <- k.Dial()
	if u := until(t, conversation, talk.Final); u.Run != key || u.Text != "you said: hello" {
		t.Errorf("run %s ended with %q", u.Run, u.Text)
	}
}
