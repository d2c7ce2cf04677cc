package agent_test

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hashicorp/go-hclog"

	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/chat/chattest"
	"github.com/carapace-gateway/carapace/kernel/service/message"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/store"
	"github.com/carapace-gateway/carapace/wit"
)

// accept gives the process a message of a channel.
func accept(t *testing.T, p *chattest.Process, m message.Inbound) {
	t.Helper()
	if err := p.Store.Update(t.Context(), func(tx store.Tx) error { _, err := p.Intake.Accept(tx, m); return err }); err != nil {
		t.Fatal(err)
	}
	p.Intake.Wake()
}

// TestWhatIsKeptOfAFailure: what was read of the answer, that it failed and why, in the history and in the log.
func TestWhatIsKeptOfAFailure(t *testing.T) {
	no := wit.NewError(wit.CodeForbidden, "no money")
	for name, c := range map[string]struct {
		answer *wit.ProviderAnswer
		want   string // role, text, stop and error of the last message
	}{
		"before a word": {&wit.ProviderAnswer{Error: no}, `assistant "" error no money`},
		"after some":    {&wit.ProviderAnswer{Deltas: chattest.Say("so far").Deltas, Error: no}, `assistant "so far" error no money`},
		"an answer":     {chattest.Say("yes"), `assistant "yes" end `},
		"a call":        {chattest.Ask(chattest.Call("c", "pay", "{}")), `assistant "" tool_calls `},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := chattest.NewWorld(t)
			var log strings.Builder
			w.Log = hclog.New(&hclog.LoggerOptions{Output: &log})
			chattest.Script(w, c.answer, chattest.Say("then"))
			p := w.Start(nil)
			p.Send("r1", "go")
			r := p.Wait("r1")
			p.Stop()
			m := w.Messages(chattest.MainKey)[1]
			if got := fmt.Sprintf("%s %q %s %s", m.Role, m.Text(), m.Stop, m.Error); got != c.want {
				t.Errorf("%s: %s, want %s", name, got, c.want)
			}
			if logged := strings.Contains(log.String(), "run failed: run=r1"); logged != (r.State == run.Failed) {
				t.Errorf("%s: the log has %s", name, log.String())
			}
		})
	}
}

// deafening is a provider that answers when its context ends, and with nothing but that.
type deafening struct{ *chattest.Model }

func (d deafening) Provider(string) (agent.Provider, bool) { return d, true }

func (deafening) Request(ctx context.Context, _ *wit.Chat) (*wit.ProviderPlan, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// TestAStopThatTheProviderHearsOf is one, whatever the provider makes of it.
func TestAStopThatTheProviderHearsOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Providers = deafening{w.Model}
		p := w.Start(nil)
		p.Send("r1", "go")
		synctest.Wait()
		if _, err := p.Runs.Stop(t.Context(), run.Selection{Session: chattest.MainKey}, "enough"); err != nil {
			t.Fatal(err)
		}
		if r := p.Wait("r1"); r.State != run.Aborted || r.Stop != "enough" {
			t.Errorf("run %+v", r)
		}
	})
}

// TestRunsOfAStoppedGateway go on at its next start, whatever their provider makes of the stop.
func TestRunsOfAStoppedGateway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Providers = deafening{w.Model}
		p := w.Start(nil)
		w.Accept(p, "m1", "go")
		synctest.Wait()
		p.Stop()
		w.Providers = nil
		r := w.Only(w.Start(nil))
		if r.State != run.Done || r.Answer != "you said: go" || r.Resumed != 1 {
			t.Errorf("run %+v", r)
		}
		begun := map[wit.HookName]int{}
		for _, name := range w.Hooks.Names() {
			begun[name]++
		}
		if begun[wit.HookNameSessionStart] != 1 || begun[wit.HookNameMessageReceived] != 1 {
			t.Errorf("hooks heard %v", begun)
		}
	})
}

// TestDeliveryIsWoken for what there is to deliver, and by what comes in, and for nothing else.
func TestDeliveryIsWoken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		p := w.Start(nil)
		start := time.Now()
		for _, c := range []struct {
			text        string
			fromChannel bool
			want        int
		}{{"hi", true, 2}, {"/status", true, 2}, {"hi", false, 0}, {"/status", false, 0}} {
			before := w.Woken.Count()
			if c.fromChannel {
				accept(t, p, chattest.Inbound(fmt.Sprint("m", before), c.text))
			} else {
				p.Send(fmt.Sprint("r", c.text), c.text)
			}
			w.Only(p)
			synctest.Wait()
			if got := w.Woken.Count() - before; got != c.want {
				t.Errorf("%s from a channel %t: woken %d times", c.text, c.fromChannel, got)
			}
		}
		if took := time.Since(start); took > 0 {
			t.Errorf("the runs were taken up after %v", took)
		}
	})
}

// TestUsageOfAWholeRun counts all its requests, whatever others say in the session meanwhile.
func TestUsageOfAWholeRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		gate := make(chan struct{})
		w.Tools.Do = func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
			<-gate
			return &wit.ToolOutput{}, nil
		}
		chattest.Script(w, chattest.Ask(chattest.Call("c", "pay", "{}")), chattest.Say("done"))
		p := w.Start(nil)
		p.Send("r1", "go")
		synctest.Wait()
		p.Send("s1", "/status")
		p.Wait("s1")
		close(gate)
		if r := p.Wait("r1"); r.Usage != (wit.Usage{Input: 15, Output: 3}) {
			t.Errorf("usage %+v", r.Usage)
		}
	})
}

// TestARetryIsShown, and what the model said before it is not in its message.
func TestARetryIsShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		var log strings.Builder
		w.Log = hclog.New(&hclog.LoggerOptions{Output: &log})
		chattest.Script(w, &wit.ProviderAnswer{Error: &wit.Error{Code: wit.CodeUnavailable, Message: "overloaded", Retryable: true}}, chattest.Say("yes"))
		p := w.Start(nil)
		p.Send("r1", "go")
		p.Wait("r1")
		p.Stop()
		status := w.Agents("r1", "run_status")
		if len(status) != 1 || status[0].Data["status"] != "retrying" || status[0].Data["message"] != "overloaded" || status[0].Data["attempt"] != 1 {
			t.Errorf("clients see %+v", status)
		}
		if !strings.Contains(log.String(), "provider failed; it is asked again: run=r1") {
			t.Errorf("the log has %s", log.String())
		}
	})
}

// TestNothingIsAskedAgainOnceSomethingWasSaid, though the error would pass.
func TestNothingIsAskedAgainOnceSomethingWasSaid(t *testing.T) {
	for name, c := range map[string]struct {
		answer *wit.ProviderAnswer
		asked  int
	}{
		"a text":                {&wit.ProviderAnswer{Deltas: chattest.Say("so").Deltas}, 1},
		"a text, then thinking": {&wit.ProviderAnswer{Deltas: append(chattest.Say("so").Deltas, wit.Delta{Kind: wit.DeltaKindThinking, Text: "hm"})}, 1},
		"thinking":              {&wit.ProviderAnswer{Deltas: []wit.Delta{{Kind: wit.DeltaKindThinking, Text: "hm"}}}, 2},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := chattest.NewWorld(t)
			c.answer.Error = &wit.Error{Code: wit.CodeUnavailable, Message: "overloaded", Retryable: true}
			chattest.Script(w, c.answer, chattest.Say("yes"))
			p := w.Start(nil)
			p.Send("r1", "go")
			r := p.Wait("r1")
			if len(w.Model.Requests()) != c.asked || (r.State == run.Done) != (c.asked == 2) {
				t.Errorf("%s: asked %d times, %+v", name, len(w.Model.Requests()), r)
			}
		})
	}
}

// TestWhoSaysItInAGroup is told to the model with each message, and what a hook adds with the newest alone.
func TestWhoSaysItInAGroup(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Hooks.On = map[wit.HookName]func(wit.HookEvent) *wit.HookDecision{wit.HookNameBeforeAgentStart: func(wit.HookEvent) *wit.HookDecision {
			return &wit.HookDecision{Modify: wit.JSON(`{"prependContext":"It rains."}`)}
		}}
		chattest.Script(w, chattest.Say("hello"), chattest.Ask(chattest.Call("c", "pay", "{}")), chattest.Say("well"))
		p := w.Start(nil)
		for i, who := range []wit.Person{{ID: "42", Name: new("Ann"), Username: new("ann1")}, {ID: "42", Username: new("ann1")}} {
			m := chattest.Inbound(fmt.Sprint("m", i), fmt.Sprint("hi ", i))
			m.Message.Conversation.Kind, m.Message.Sender = wit.ConversationKindGroup, who
			accept(t, p, m)
			w.Only(p)
		}
		var got []string
		all := w.Model.Requests()
		for _, turn := range all[len(all)-1].Turns {
			got = append(got, chattest.TextOf(turn.Content))
		}
		if want := "[from Ann]\nhi 0|hello|[from ann1]\nIt rains.\nhi 1||pay ok {}"; strings.Join(got, "|") != want {
			t.Errorf("the model reads %q, want %q", strings.Join(got, "|"), want)
		}
	})
}

// TestAShortWindowForALongPrompt: what the system prompt takes is not there for the conversation.
func TestAShortWindowForALongPrompt(t *testing.T) {
	read := map[string]int{}
	for _, system := range []string{"Be brief.", strings.Repeat("Be brief. ", 1200)} {
		synctest.Test(t, func(t *testing.T) {
			w := chattest.NewWorld(t)
			w.Settings, w.Model.NoModels = agent.Settings{ContextTokens: 8 << 10, System: system}, true
			p := w.Start(nil)
			for i := range 30 {
				id := fmt.Sprint("r", i)
				p.Send(id, strings.Repeat("a", 500))
				p.Wait(id)
			}
			all := w.Model.Requests()
			read[system] = len(all[len(all)-1].Turns)
		})
	}
	if long, short := read["Be brief."], read[strings.Repeat("Be brief. ", 1200)]; long < short+10 || short < 4 {
		t.Errorf("the model reads %d turns, and with a long prompt %d", long, short)
	}
}

// broken is a body that breaks off in the middle.
type broken struct{ text io.Reader }

func (b *broken) Read(p []byte) (int, error) {
	n, err := b.text.Read(p)
	if err != nil {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// TestTheEndIsBehind: a body that breaks off after the model has finished is no failure.
func TestTheEndIsBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		streamed(w, wit.FramingNDJSON, &broken{strings.NewReader(`{"deltas":[{"text":"all of it"}],"stop":"end"}` + "\n")})
		p := w.Start(nil)
		p.Send("r1", "go")
		if r := p.Wait("r1"); r.State != run.Done || r.Answer != "all of it" || r.Stop != "end" {
			t.Errorf("run %+v", r)
		}
	})
}
