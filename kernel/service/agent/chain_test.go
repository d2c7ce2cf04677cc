package agent_test

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/service/chat/chattest"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/kernel/service/session"
	"github.com/carapace-gateway/carapace/wit"
)

// cast are providers that do what a test says, each with its keys.
type cast struct {
	mu    sync.Mutex
	keys  map[string][]agent.Key // by provider; one without a name where there are none
	facts map[string][]wit.Model
	plays map[string]func(*wit.Chat) *wit.ProviderAnswer // by provider, and by provider:key
	asked []string                                       // as provider/model:key
	chats []*wit.Chat
	far   bool // they are asked over a network
}

// newCast makes providers a, b and c whose model is m.
func newCast() *cast {
	return &cast{keys: map[string][]agent.Key{}, facts: map[string][]wit.Model{}, plays: map[string]func(*wit.Chat) *wit.ProviderAnswer{}}
}

func (c *cast) Providers() iter.Seq[agent.ProviderInfo] {
	return func(yield func(agent.ProviderInfo) bool) {
		for _, id := range []string{"a", "b", "c"} {
			if !yield(agent.ProviderInfo{ID: id, Facts: &wit.ProviderFacts{DefaultModel: new("m"), Offline: !c.far}, Credentials: 1}) {
				return
			}
		}
	}
}

func (c *cast) Keys(provider string) []agent.Key { return c.keys[provider] }

func (c *cast) Provider(id string) (agent.Provider, bool) {
	return &player{cast: c, id: id}, strings.Contains("abc", id)
}

// fails makes a provider, or a provider:key, fail.
func (c *cast) fails(who string, e *wit.Error) {
	c.plays[who] = func(*wit.Chat) *wit.ProviderAnswer { return &wit.ProviderAnswer{Error: e} }
}

// who returns who was asked since the last call, in order.
func (c *cast) who() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	asked := strings.Join(c.asked, " ")
	c.asked = nil
	return asked
}

// player is a provider by one key.
type player struct {
	*cast
	chattest.Model
	id, key string
}

func (p *player) With(key string) agent.Provider { return &player{cast: p.cast, id: p.id, key: key} }

func (p *player) Request(_ context.Context, c *wit.Chat) (*wit.ProviderPlan, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	name := p.id + "/" + c.Model
	if p.key != "" {
		name += ":" + p.key
	}
	p.asked, p.chats = append(p.asked, name), append(p.chats, c)
	for _, who := range []string{p.id + ":" + p.key, p.id + "/" + c.Model, p.id} {
		if play := p.plays[who]; play != nil {
			a := play(c)
			if a == nil { // it is silent
				return &wit.ProviderPlan{Request: &wit.HTTPRequest{URL: "http://model"}, Framing: wit.FramingSSE}, nil
			}
			if a.Error != nil && len(a.Deltas) == 0 {
				return nil, a.Error
			}
			return &wit.ProviderPlan{Answer: a}, nil
		}
	}
	return &wit.ProviderPlan{Answer: chattest.Say("from " + p.id + p.key)}, nil
}

func (p *player) Stream(ctx context.Context, _ *wit.HTTPRequest) (*egress.Response, error) {
	r, w := io.Pipe()
	context.AfterFunc(ctx, func() { w.Close() })
	return &egress.Response{Status: 200, Body: r}, nil
}

func (p *player) Models(context.Context, *wit.ModelsQuery) (*wit.ModelsAnswer, error) {
	return &wit.ModelsAnswer{Models: p.facts[p.id]}, nil
}

// chained is a world with a chain of a, b and c.
func chained(t *testing.T, c *cast, more ...func(*agent.Settings)) *chattest.Process {
	w := chattest.NewWorld(t)
	w.Settings, w.Providers = agent.Settings{Model: "a/m", Fallbacks: []string{"b/m", "c/m"}}, c
	for _, change := range more {
		change(&w.Settings)
	}
	return w.Start(nil)
}

// notices are what status says of models.
func notices(p *chattest.Process) []string { return p.Agents.Service().Notices() }

// TestTheChainMovesOn for what another one may do better, and for nothing else; what has failed rests, and is not asked with the next
// question; the run says who has answered in whose place.
func TestTheChainMovesOn(t *testing.T) {
	for _, c := range []struct {
		code        wit.Code
		moves, next string
	}{
		{wit.CodeRateLimited, "a/m b/m", "b/m"}, {wit.CodeForbidden, "a/m b/m", "b/m"}, {wit.CodeUnauthorized, "a/m b/m", "b/m"},
		{wit.CodeUnavailable, "a/m b/m", "b/m"}, {wit.CodeTimeout, "a/m b/m", "b/m"}, {wit.CodeNotFound, "a/m b/m", "b/m"},
		{wit.CodeInternal, "a/m b/m", "b/m"}, {wit.CodeInvalid, "a/m", "a/m"},
	} {
		t.Run(string(c.code), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				cast := newCast()
				cast.fails("a", wit.NewError(c.code, "it cannot"))
				p := chained(t, cast)
				begun := time.Now()
				p.Send("r1", "hi")
				r := p.Wait("r1")
				if asked := cast.who(); asked != c.moves || time.Since(begun) != 0 {
					t.Errorf("asked %s in %s", asked, time.Since(begun))
				}
				told := p.World.Agents("r1", "lifecycle")
				moved := func(e chat.AgentEvent) bool {
					return e.Data["phase"] == "fallback" && e.Data["selectedProvider"] == "a" && e.Data["activeProvider"] == "b" && e.Data["reasonSummary"] != ""
				}
				if c.moves == c.next {
					if r.State != run.Failed || r.Error.Code != c.code || slices.ContainsFunc(told, moved) {
						t.Errorf("%+v", r)
					}
					return
				}
				if r.Answer != "from b" || r.Provider != "b" || r.Used != "m" || r.Replaced != "a/m" {
					t.Errorf("%s by %s/%s in place of %s", r.Answer, r.Provider, r.Used, r.Replaced)
				}
				if !slices.ContainsFunc(told, moved) {
					t.Errorf("nobody is told: %+v", told)
				}
				p.Send("r2", "hi")
				if r := p.Wait("r2"); r.Replaced != "a/m" || cast.who() != c.next {
					t.Errorf("the second question: %+v", r)
				}
				time.Sleep(11 * time.Minute)
				delete(cast.plays, "a")
				p.Send("r3", "hi")
				if r := p.Wait("r3"); r.Replaced != "" || cast.who() != "a/m" {
					t.Errorf("after the pause: %+v", r)
				}
			})
		})
	}
}

// TestAllFail: the last error of each is told in one sentence, once they have been asked as often as one alone is.
func TestAllFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cast := newCast()
		cast.fails("a", wit.NewError(wit.CodeUnavailable, "it is\ndown"))
		cast.fails("b", wit.NewError(wit.CodeUnauthorized, "the key is not accepted"))
		cast.fails("c", wit.NewError(wit.CodeInternal, "/secret/path"))
		p := chained(t, cast)
		p.Send("r1", "hi")
		r := p.Wait("r1")
		want := "no model could answer. a/m: it is down; b/m: the key is not accepted; c/m: an internal error; the log has the details"
		if r.State != run.Failed || r.Error.Message != want || r.Error.Code != wit.CodeUnavailable {
			t.Errorf("%+v", r.Error)
		}
		if asked := cast.who(); asked != "a/m b/m c/m a/m a/m a/m" {
			t.Errorf("asked %s", asked)
		}
	})
}

// TestKeysInTurn: a session keeps to its key, sessions are spread over the keys, and the next key is asked before the next model.
func TestKeysInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cast := newCast()
		cast.keys["a"] = []agent.Key{{}, {Name: "two"}, {Name: "three"}}
		p := chained(t, cast)
		used := map[string]int{}
		for i := range 20 {
			key := fmt.Sprintf("agent:main:s%d", i)
			var first string
			for j := range 2 {
				id := fmt.Sprintf("r%d-%d", i, j)
				p.Must("chat.send", obj{"sessionKey": key, "message": "hi", "idempotencyKey": id})
				p.Wait(id)
				if asked := cast.who(); j == 0 {
					first = asked
				} else if asked != first {
					t.Errorf("session %d was answered by %s and then by %s", i, first, asked)
				}
			}
			used[first]++
		}
		if len(used) != 3 {
			t.Errorf("not all keys are used: %v", used)
		}
		for _, key := range []string{"", "two", "three"} {
			cast.fails("a:"+key, wit.NewError(wit.CodeRateLimited, "too many"))
		}
		p.Send("r1", "hi")
		r := p.Wait("r1")
		asked := strings.Fields(cast.who())
		if r.Answer != "from b" || len(asked) != 4 || asked[3] != "b/m" {
			t.Errorf("%s by %v", r.Answer, asked)
		}
		time.Sleep(29 * time.Second)
		delete(cast.plays, "a:two")
		p.Send("r2", "hi")
		if p.Wait("r2"); cast.who() != "b/m" {
			t.Error("what rests is asked")
		}
		time.Sleep(2 * time.Second)
		p.Send("r3", "hi")
		if r := p.Wait("r3"); !strings.HasPrefix(r.Answer, "from a") && !strings.HasSuffix(cast.who(), "a/m:two") {
			t.Errorf("%+v", r)
		}
	})
}

// TestAModelThatIsDownIsNotAskedByItsOtherKeys, and a key that was refused is not used for another model.
func TestWhatIsNotTried(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cast := newCast()
		cast.keys["a"] = []agent.Key{{Name: "one"}, {Name: "two"}}
		cast.fails("a/m", wit.NewError(wit.CodeUnavailable, "overloaded"))
		p := chained(t, cast, func(s *agent.Settings) { s.Fallbacks = []string{"a/n"} })
		p.Send("r1", "hi")
		p.Wait("r1")
		if asked := strings.Fields(cast.who()); len(asked) != 2 || !strings.HasPrefix(asked[0], "a/m") || !strings.HasPrefix(asked[1], "a/n") {
			t.Errorf("asked %v", asked)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		cast := newCast()
		cast.keys["a"] = []agent.Key{{Name: "one"}, {Name: "two"}}
		cast.fails("a:one", wit.NewError(wit.CodeUnauthorized, "no"))
		cast.fails("a:two", wit.NewError(wit.CodeUnauthorized, "no"))
		p := chained(t, cast, func(s *agent.Settings) { s.Fallbacks = []string{"a/n", "b/m"} })
		p.Send("r1", "hi")
		p.Wait("r1")
		if asked := strings.Fields(cast.who()); len(asked) != 3 || asked[2] != "b/m" {
			t.Errorf("asked %v", asked)
		}
	})
}

// TestWhatWasShownIsKept: no other model is asked once the answer has begun.
func TestWhatWasShownIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cast := newCast()
		cast.plays["a"] = func(*wit.Chat) *wit.ProviderAnswer {
			a := chattest.Piece("I begin")
			a.Error = wit.NewError(wit.CodeUnavailable, "it fell over")
			return a
		}
		p := chained(t, cast)
		p.Send("r1", "hi")
		r := p.Wait("r1")
		if asked := cast.who(); asked != "a/m" || r.State != run.Failed || r.Error.Message != "it fell over" {
			t.Errorf("asked %s: %+v", asked, r.Error)
		}
	})
}

// TestTheProviderIsLeftAlone for as long as it asks, also where nobody else can answer, and after a restart.
func TestTheProviderIsLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cast := newCast()
		cast.fails("a", wit.AsError(wit.ErrorAfter(wit.CodeRateLimited, time.Hour, "the quota of the hour is used up")))
		p := chained(t, cast, func(s *agent.Settings) { s.Fallbacks = nil })
		p.Send("r1", "hi")
		p.Wait("r1")
		cast.who()
		p.Stop()
		p = p.World.Start(nil)
		p.Send("r2", "hi")
		r := p.Wait("r2")
		if asked := cast.who(); asked != "" || r.Error.Code != wit.CodeRateLimited || r.Error.Message != "it wants to be left alone for 1h0m: the quota of the hour is used up" {
			t.Errorf("asked %q: %+v", asked, r.Error)
		}
		if lines := notices(p); len(lines) != 1 || !strings.Contains(lines[0], "model a/m rests for 1h0m after 1 failure: the quota") {
			t.Errorf("%q", lines)
		}
		delete(cast.plays, "a")
		time.Sleep(time.Hour)
		p.Send("r3", "hi")
		if r := p.Wait("r3"); r.Answer != "from a" {
			t.Errorf("%+v", r)
		}
	})
}

// TestSilence: a model that says nothing is given up where another one can be asked.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cast := newCast()
		cast.plays["a"] = func(*wit.Chat) *wit.ProviderAnswer { return nil }
		p := chained(t, cast)
		begun := time.Now()
		p.Send("r1", "hi")
		if r := p.Wait("r1"); r.Answer != "from b" || time.Since(begun) != 2*time.Minute {
			t.Errorf("%+v after %s", r, time.Since(begun))
		}
	})
}

// TestTooLong: a conversation that is too long for a model goes to one that reads more, and past one that does not.
func TestTooLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cast := newCast()
		cast.fails("a", wit.NewError(wit.CodeTooLarge, "the conversation is longer than the model reads"))
		p := chained(t, cast, func(s *agent.Settings) {
			s.Facts = map[string]agent.ModelFacts{"a/m": {Context: 8000}, "b/m": {Context: 4000}, "c/m": {Context: 16000}}
		})
		p.Send("r1", "hi")
		if r := p.Wait("r1"); r.Answer != "from c" || cast.who() != "a/m c/m" {
			t.Errorf("%+v", r)
		}
		p.Send("r2", "hi")
		if p.Wait("r2"); cast.who() != "a/m c/m" {
			t.Error("what was too small for one conversation rests")
		}
	})
}

// TestOneMind: whoever has begun to answer goes on, also when the one before it does not rest any more.
func TestOneMind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cast := newCast()
		cast.fails("a", wit.NewError(wit.CodeUnavailable, "down"))
		cast.plays["b"] = func(c *wit.Chat) *wit.ProviderAnswer {
			if len(c.Turns) > 1 {
				return chattest.Say("done")
			}
			return chattest.Ask(chattest.Call("1", "add", `{"a":1}`))
		}
		p := chained(t, cast)
		p.Tools.Do = func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
			time.Sleep(time.Minute)
			return &wit.ToolOutput{}, nil
		}
		p.Send("r1", "hi")
		if r := p.Wait("r1"); r.Answer != "done" || cast.who() != "a/m b/m b/m" {
			t.Errorf("%+v", r)
		}
	})
}

// TestAChosenModelIsNotReplaced, for it may cost less, or be closer; a place's and an agent's have their own fallbacks.
func TestAChosenModelIsNotReplaced(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cast := newCast()
		cast.fails("a", wit.NewError(wit.CodeForbidden, "no"))
		p := chained(t, cast, func(s *agent.Settings) {
			s.Aliases = map[string]string{"best": "a/m"}
			s.Agents = []agent.Agent{{ID: "main"}, {ID: "strict", Model: "a/m"}, {ID: "own", Model: "best", Fallbacks: []string{"c/m"}}, {ID: "more", Fallbacks: []string{"c/x"}}}
		})
		for key, want := range map[string]string{"main": "a/m b/m", "agent:strict:main": "a/m", "agent:own:main": "a/m c/m", "agent:more:main": "a/m c/x"} {
			cast.mu.Lock()
			cast.asked = nil
			cast.mu.Unlock()
			p.Must("chat.send", obj{"sessionKey": key, "message": "hi", "idempotencyKey": key})
			p.Wait(key)
			asked := cast.who()
			if first, rest, _ := strings.Cut(want, " "); asked != want && asked != rest && asked != first {
				t.Errorf("%s: asked %s, want %s", key, asked, want)
			}
		}
		p.Must("sessions.patch", obj{"key": "main", "model": "BEST"})
		p.Send("r1", "hi")
		if r := p.Wait("r1"); r.State != run.Failed || cast.who() != "a/m" || r.Provider != "a" {
			t.Errorf("%+v", r)
		}
		p.Send("r2", "/model")
		if r := p.Wait("r2"); !strings.HasPrefix(r.Answer, "The model is a/m.") {
			t.Errorf("%q", r.Answer)
		}
	})
}

// TestWhatAModelCannot: tools are not offered to one that calls none, as its provider says, or the owner, whose word counts more.
func TestWhatAModelCannot(t *testing.T) {
	for _, c := range []struct {
		listed []wit.Model
		own    *bool
		offers bool
	}{
		{nil, nil, true}, {[]wit.Model{{ID: "m"}}, nil, true}, {[]wit.Model{{ID: "m"}, {ID: "n", Tools: true}}, nil, false},
		{[]wit.Model{{ID: "m"}, {ID: "n", Tools: true}}, new(true), true}, {[]wit.Model{{ID: "m", Tools: true}}, new(false), false},
	} {
		synctest.Test(t, func(t *testing.T) {
			cast := newCast()
			cast.facts["a"] = c.listed
			p := chained(t, cast, func(s *agent.Settings) { s.Facts = map[string]agent.ModelFacts{"a/m": {Tools: c.own}} })
			p.Must("models.list", obj{"refresh": true})
			p.Send("r1", "hi")
			p.Wait("r1")
			if last := cast.chats[len(cast.chats)-1]; len(last.Tools) > 0 != c.offers {
				t.Errorf("%+v and %v: %d tools", c.listed, c.own, len(last.Tools))
			}
		})
	}
}

// TestModelsTest says in one line of each whether key, model and tools work, also of what rests, which rests no more.
func TestModelsTest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cast := newCast()
		cast.keys["a"] = []agent.Key{{}, {Name: "two"}}
		reports := func(c *wit.Chat) *wit.ProviderAnswer {
			if len(c.Tools) > 0 {
				return chattest.Ask(chattest.Call("1", "report", `{"word":"ready"}`))
			}
			return chattest.Say("ready")
		}
		cast.fails("a", wit.NewError(wit.CodeUnavailable, "down"))
		p := chained(t, cast)
		p.Send("r1", "hi")
		p.Wait("r1")
		cast.plays["a:"], cast.plays["a"] = reports, nil
		cast.fails("a:two", wit.NewError(wit.CodeUnauthorized, "the key is not accepted"))
		cast.fails("c", wit.NewError(wit.CodeUnavailable, "down"))
		out := p.Must("models.test", obj{})
		var lines []string
		for _, one := range out["trials"].([]any) {
			x := one.(map[string]any)
			lines = append(lines, fmt.Sprintf("%v %v %v %v %v %v", x["model"], x["key"], x["keyStatus"], x["answers"], x["tools"], x["problem"]))
		}
		want := []string{
			"a/m default ok true true <nil>", "a/m two refused false false the key is not accepted",
			"b/m default ok true false <nil>", "c/m default unknown false false down",
		}
		if !slices.Equal(lines, want) || out["ok"] != false {
			t.Errorf("%q", lines)
		}
		if cast.who(); len(notices(p)) != 0 {
			t.Errorf("what works rests: %q", notices(p))
		}
		if _, err := p.Call("models.test", obj{"model": "nobody/x"}); wit.CodeOf(err) != wit.CodeInvalid {
			t.Error(err)
		}
	})
}

// TestThinkOnce: a question after a level is thought about so much, by the owner, and the next one as before.
func TestThinkOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		p := w.Start(nil)
		for _, c := range []struct{ text, level, heard string }{{"/think high: why?", "high", "why?"}, {"why not?", "", "why not?"}} {
			p.Send(c.text, c.text)
			r := p.Wait(c.text)
			all := w.Model.Requests()
			if last := all[len(all)-1]; r.Answer != "you said: "+c.heard || last.Thinking != c.level {
				t.Errorf("%q: %q, thinking %q", c.text, r.Answer, last.Thinking)
			}
		}
	})
}

// TestALostFallback is passed over, and the doctor says so; so it does of what rests.
func TestALostFallback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cast := newCast()
		cast.fails("a", wit.NewError(wit.CodeUnavailable, "down"))
		p := chained(t, cast, func(s *agent.Settings) { s.Fallbacks = []string{"x/m", "b/m"} })
		p.Send("r1", "hi")
		if r := p.Wait("r1"); r.Answer != "from b" {
			t.Errorf("%+v", r)
		}
		check := func() string {
			c := p.Agents.Service().Checks[0](t.Context())
			if !c.OK || !c.Warning || c.Hint == "" {
				t.Errorf("%+v", c)
			}
			return c.Message
		}
		if got := check(); !strings.Contains(got, `never asked: there is no provider for the model "x/m"`) {
			t.Error(got)
		}
		p.World.Settings.Fallbacks = nil
		if got := check(); !strings.Contains(got, "a/m; model a/m rests for 15s after 1 failure: down") {
			t.Error(got)
		}
	})
}

// TestASummaryFollowsTheChain: what writes it is chosen, and left alone, as what answers is; and each is given as much as it reads.
func TestASummaryFollowsTheChain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cast := newCast()
		cast.far = true
		cast.keys["a"] = []agent.Key{{}, {Name: "two"}}
		cast.facts["b"] = []wit.Model{{ID: "m", ContextWindow: 8000}}
		p := chained(t, cast)
		key := session.Key("agent:main:main")
		for i := range 4 {
			p.Send(fmt.Sprint("r", i), strings.Repeat("word ", 3000))
			p.Wait(fmt.Sprint("r", i))
		}
		if _, err := p.Models.List(t.Context(), "b", false); err != nil {
			t.Fatal(err)
		}
		cast.who()
		cast.fails("a", wit.NewError(wit.CodeUnauthorized, "the key is not accepted"))
		cast.plays["b"] = func(c *wit.Chat) *wit.ProviderAnswer {
			if n := len(*c.Turns[0].Content[0].Text); n > 8000/2*4 {
				t.Errorf("it is given %d bytes", n)
			}
			return chattest.Say("They talked.")
		}
		done, err := p.Agents.Compact(t.Context(), agent.Compaction{Key: key})
		if err != nil || done.Summary.Text != "They talked." || done.Summary.Model != "b/m" || done.Messages == 0 {
			t.Fatalf("%+v, %v", done, err)
		}
		if asked := cast.who(); strings.Count(asked, "a/m") != 2 || strings.Count(asked, "b/m") < 1 || !strings.HasSuffix(asked, "b/m") {
			t.Errorf("asked %s", asked)
		}
		if lines := strings.Join(notices(p), "\n"); strings.Count(lines, "rests for 10m after 1 failure: the key is not accepted") != 2 {
			t.Errorf("status says %q", lines)
		}
		p.Send("after", "hi")
		if r := p.Wait("after"); r.Replaced != "a/m" || cast.who() != "b/m" {
			t.Errorf("what rests is asked: %+v", r)
		}
		cast.fails("b", wit.NewError(wit.CodeInvalid, "nonsense"))
		if _, err := p.Agents.Compact(t.Context(), agent.Compaction{Key: key, Keep: 1}); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%v", err)
		}
	})
}
