package agent_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/carapace-gateway/carapace/kernel/service/chat/chattest"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// TestEachMessageIsTold to those who watch, once, as the history has it: the question, requests for tools, their
// results and the answer.
func TestEachMessageIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		ask := chattest.Ask(chattest.Call("c", "pay", `{}`))
		ask.Deltas = []wit.Delta{{Text: "one moment"}}
		chattest.Script(w, ask, chattest.Say("done"))
		p := w.Start(nil)
		p.Send("r1", "go")
		p.Wait("r1")
		synctest.Wait()
		told := strings.Join(w.Told(), "|")
		for i, want := range []string{"1 user: go|", "|2 assistant: one moment", "|3 ", "|4 assistant: done"} {
			if !strings.Contains(told+"|", want) || strings.Contains(told, "another number") {
				t.Errorf("message %d: told %s", i+1, told)
			}
		}
		if len(w.Told()) != 4 {
			t.Errorf("told %q", w.Told())
		}
	})
}

// TestMessageReceivedIsOfChannels: its hooks hear of what comes from a channel, with who said it, and not of clients.
func TestMessageReceivedIsOfChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		var heard []string
		w.Hooks.On = map[wit.HookName]func(wit.HookEvent) *wit.HookDecision{wit.HookNameMessageReceived: func(e wit.HookEvent) *wit.HookDecision {
			heard = append(heard, string(e.Event))
			return nil
		}}
		p := w.Start(nil)
		p.Send("r1", "from a client")
		p.Wait("r1")
		w.Accept(p, "m1", "from a chat")
		w.Only(p)
		synctest.Wait()
		if len(heard) != 1 || !strings.Contains(heard[0], "from a chat") || !strings.Contains(heard[0], `"42"`) {
			t.Errorf("heard %q", heard)
		}
	})
}

// TestCommandsOfANewSession: they need none that exists.
func TestCommandsOfANewSession(t *testing.T) {
	for text, want := range map[string]string{
		"/model": "The model is mock/mock-1.", "/think": "Thinking is off.", "/status": "Doing: nothing", "/new": "A new conversation", "/model default": "configured one again",
	} {
		synctest.Test(t, func(t *testing.T) {
			w := chattest.NewWorld(t)
			p := w.Start(nil)
			w.Accept(p, "m1", text)
			if r := w.Only(p); r.State != run.Done || !strings.Contains(r.Answer, want) {
				t.Errorf("%s: %s %q", text, r.State, r.Answer)
			}
		})
	}
}

// TestDefaultsComeBack: what /model and /think chose holds until somebody asks for the default again.
func TestDefaultsComeBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		p := w.Start(nil)
		for _, text := range []string{"/model mock/big", "/think high", "one", "/model default", "/think default", "two"} {
			w.Accept(p, text, text)
			w.Only(p)
		}
		var got []string
		for _, c := range w.Model.Requests() {
			got = append(got, c.Model+" "+c.Thinking)
		}
		if want := []string{"big high", "mock-1 "}; !slices.Equal(got, want) {
			t.Errorf("asked %q, want %q", got, want)
		}
	})
}

// TestAResultThatCameJustInTime is kept, though the run was stopped meanwhile: the call has happened.
func TestAResultThatCameJustInTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Tools.Do = func(ctx context.Context, _ *wit.ToolInvocation) (*wit.ToolOutput, error) {
			<-ctx.Done()
			return &wit.ToolOutput{Content: []wit.Part{session.TextPart("paid")}}, nil
		}
		chattest.Script(w, chattest.Ask(chattest.Call("c", "pay", `{}`)), chattest.Say("done"))
		p := w.Start(nil)
		p.Send("r1", "go")
		synctest.Wait()
		p.Must("chat.abort", obj{"sessionKey": "main", "runId": "r1"})
		p.Wait("r1")
		if got := strings.Join(w.History(chattest.MainKey), "|"); !strings.Contains(got, "tool: paid") {
			t.Error(got)
		}
	})
}

// TestFilesGoWithTheAnswer: what tools have made in the run is delivered with its answer, and not with an apology.
func TestFilesGoWithTheAnswer(t *testing.T) {
	for want, last := range map[string]*wit.ProviderAnswer{"media-a media-b": chattest.Say("here it is"), "": {Error: wit.NewError(wit.CodeForbidden, "no")}} {
		synctest.Test(t, func(t *testing.T) {
			w := chattest.NewWorld(t)
			w.Tools.Do = func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
				return &wit.ToolOutput{Content: []wit.Part{{Kind: wit.PartKindImage, Media: new("media-a")}, {Kind: wit.PartKindAudio, Media: new("media-b")}}}, nil
			}
			chattest.Script(w, chattest.Ask(chattest.Call("c", "pay", `{}`)), last)
			p := w.Start(nil)
			w.Accept(p, "m1", "draw")
			r := w.Only(p)
			if w.SentFiles()[r.ID] != want || w.Sent()[r.ID] == "" {
				t.Errorf("%s, with files %q, want %q", w.Sent()[r.ID], w.SentFiles()[r.ID], want)
			}
		})
	}
}
