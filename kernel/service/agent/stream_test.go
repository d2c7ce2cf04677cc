package agent_test

import (
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/chat/chattest"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/wit"
)

func body(text string) func() io.Reader {
	return func() io.Reader { return strings.NewReader(text) }
}

// TestStreams: each framing, and what may become of a response.
func TestStreams(t *testing.T) {
	const one, two, end = `{"deltas":[{"text":"Hel"}]}`, `{"deltas":[{"text":"lo"}]}`, `{"stop":"end","usage":{"input":3}}`
	for name, c := range map[string]struct {
		framing wit.Framing
		status  int
		body    func() io.Reader
		err     error
		want    string // the answer, or with ! a part of the error
		asked   int
	}{
		"sse":       {framing: wit.FramingSSE, body: func() io.Reader { return chattest.SSE(chattest.Say("Hel"), chattest.Say("lo")) }, want: "Hello", asked: 1},
		"ndjson":    {framing: wit.FramingNDJSON, body: body(one + "\n" + two + "\n" + end + "\n"), want: "Hello", asked: 1},
		"json":      {framing: wit.FramingJSON, body: body(`{"deltas":[{"text":"Hello"}],"stop":"end"}`), want: "Hello", asked: 1},
		"cut off":   {framing: wit.FramingNDJSON, body: body(one + "\n"), want: "Hel\n\n[The connection to the model broke off here.]", asked: 1},
		"breaks":    {framing: wit.FramingNDJSON, body: func() io.Reader { return iotest.TimeoutReader(iotest.OneByteReader(strings.NewReader(one + "\n"))) }, want: "!broke off", asked: 4},
		"garbage":   {framing: wit.FramingNDJSON, body: body("<html>"), want: "!an internal error", asked: 1},
		"refused":   {framing: wit.FramingSSE, status: 429, body: body("{wait}"), want: "!slow down: {wait}", asked: 4},
		"no answer": {framing: wit.FramingSSE, err: wit.NewError(wit.CodeForbidden, "host not permitted"), want: "!host not permitted", asked: 1},
		"too long":  {framing: wit.FramingNDJSON, body: body(strings.Repeat("x", 5<<20)), want: "!sends too much", asked: 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := chattest.NewWorld(t)
				n := 0
				w.Model.Frame = c.framing
				w.Model.Res = func(*wit.Chat) (*egress.Response, error) {
					n++
					status := 200
					if c.status != 0 {
						status = c.status
					}
					if c.err != nil {
						return nil, c.err
					}
					return &egress.Response{Status: status, Body: io.NopCloser(c.body())}, nil
				}
				p := w.Start(nil)
				p.Send("r1", "hi")
				r := p.Wait("r1")
				if fault, ok := strings.CutPrefix(c.want, "!"); ok {
					if r.State != run.Failed || !strings.Contains(r.Error.Message, fault) {
						t.Errorf("run %s: %+v", r.State, r.Error)
					}
				} else if r.Answer != c.want {
					t.Errorf("answer %q, error %+v", r.Answer, r.Error)
				}
				if n != c.asked {
					t.Errorf("asked %d times", n)
				}
			})
		})
	}
}

// TestAskedAgain: an empty answer is none, and a pause of up to half a minute is waited for; whoever would have to wait
// longer hears of the error at once.
func TestAskedAgain(t *testing.T) {
	busy := func(ms int64) *wit.ProviderAnswer {
		return &wit.ProviderAnswer{Error: &wit.Error{Code: wit.CodeRateLimited, Message: "busy", Retryable: true, RetryAfter: &ms}}
	}
	for name, c := range map[string]struct {
		first *wit.ProviderAnswer
		want  string
		took  time.Duration
	}{
		"empty": {chattest.Ended(), "yes", 0}, "half a minute": {busy(30_000), "yes", 30 * time.Second}, "longer": {busy(30_001), "", 0},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := chattest.NewWorld(t)
			chattest.Script(w, c.first, chattest.Say("yes"))
			p := w.Start(nil)
			start := time.Now()
			p.Send("r1", "hi")
			r := p.Wait("r1")
			if took := time.Since(start); r.Answer != c.want || took < c.took || c.want == "" && (took > 0 || r.Error.Code != wit.CodeRateLimited) {
				t.Errorf("%s: %q after %v, %+v", name, r.Answer, took, r.Error)
			}
		})
	}
}

// TestStreamStaysOpen: a server that does not end its stream holds the answer up for five seconds.
func TestStreamStaysOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		feed := w.Feed()
		p := w.Start(nil)
		p.Send("r1", "hi")
		feed <- chattest.Piece("yes")
		feed <- chattest.Ended()
		start := time.Now()
		// The end was gathered with what follows words, for as long as that is done.
		if r := p.Wait("r1"); r.Answer != "yes" || time.Since(start).Truncate(100*time.Millisecond) != 5*time.Second {
			t.Errorf("after %v: %+v", time.Since(start), r)
		}
	})
}

// TestWindow: of a long history the newest turns go to the model, whole; all of it stays.
func TestWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Settings = agent.Settings{ContextTokens: 1 << 10}
		w.Model.NoModels = true
		w.Model.Set(func(c *wit.Chat) *wit.ProviderAnswer {
			if last := c.Turns[len(c.Turns)-1]; last.Role == wit.RoleUser && strings.Contains(chattest.TextOf(last.Content), "tool") {
				return chattest.Ask(chattest.Call("same-id", "pay", `{}`))
			}
			return chattest.Say(strings.Repeat("b", 300))
		})
		p := w.Start(nil)
		for i := range 30 {
			id := fmt.Sprintf("r%d", i)
			p.Send(id, "tool "+strings.Repeat("a", 100))
			p.Wait(id)
		}
		all := w.Model.Requests()
		last := all[len(all)-1]
		size := len(last.System)
		open := map[string]bool{}
		for i, c := range last.Turns {
			size += len(chattest.TextOf(c.Content))
			if i == 0 && c.Role != wit.RoleUser {
				t.Errorf("the window begins with %s", c.Role)
			}
			for _, call := range c.ToolCalls {
				open[call.ID] = true
			}
			if c.Role == wit.RoleTool {
				if !open[*c.ToolCallID] || strings.Contains(chattest.TextOf(c.Content), "no result") {
					t.Errorf("a result without its call, or a call without its result: %+v", c)
				}
				delete(open, *c.ToolCallID)
			}
		}
		if len(open) != 0 || size > 4<<10 || len(last.Turns) < 7 {
			t.Errorf("%d turns of %d bytes, %d calls open", len(last.Turns), size, len(open))
		}
		if n := len(w.Messages(chattest.MainKey)); n != 120 {
			t.Errorf("%d messages are kept", n)
		}
	})
}

// TestLongToolResults: within one run the oldest results give way.
func TestLongToolResults(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Settings = agent.Settings{ContextTokens: 8 << 10}
		w.Model.NoModels = true
		n := 0
		w.Model.Set(func(c *wit.Chat) *wit.ProviderAnswer {
			if n++; n < 6 {
				return chattest.Ask(chattest.Call("c", "pay", fmt.Sprintf(`{"x":"%s"}`, strings.Repeat("y", 9000))))
			}
			return chattest.Say("enough")
		})
		p := w.Start(nil)
		p.Send("r1", "go")
		p.Wait("r1")
		all := w.Model.Requests()
		res := chattest.Results(all[len(all)-1])
		if len(res) != 1 || !strings.HasPrefix(res[0], "pay ok") {
			t.Errorf("the newest result: %.40q", res)
		}
		if first := all[len(all)-1].Turns[2]; !strings.Contains(chattest.TextOf(first.Content), "[left out") {
			t.Errorf("the oldest result: %.40q", chattest.TextOf(first.Content))
		}
	})
}

// shelf are providers in an order.
type shelf struct {
	*chattest.Model
	list []agent.ProviderInfo
}

func (s shelf) Providers() iter.Seq[agent.ProviderInfo]   { return slices.Values(s.list) }
func (s shelf) Provider(id string) (agent.Provider, bool) { return s.Model, true }

// TestChoice: the session's model, else the agent's, else the default, else the first that can answer.
func TestChoice(t *testing.T) {
	m := func(name string) *string { return &name }
	far := agent.ProviderInfo{ID: "far", Facts: &wit.ProviderFacts{DefaultModel: m("f1")}}
	near := agent.ProviderInfo{ID: "near", Facts: &wit.ProviderFacts{DefaultModel: m("n1")}, Settings: wit.JSON(`{"key":1}`)}
	off := agent.ProviderInfo{ID: "off", Facts: &wit.ProviderFacts{DefaultModel: m("o1"), Offline: true}, Settings: wit.JSON(`{"key":1}`)}
	for name, c := range map[string]struct {
		list     []agent.ProviderInfo
		settings agent.Settings
		session  string
		want     string
	}{
		"configured":     {list: []agent.ProviderInfo{off, far, near}, want: "near/n1"},
		"offline":        {list: []agent.ProviderInfo{far, off}, want: "off/o1"},
		"default":        {list: []agent.ProviderInfo{off, near}, settings: agent.Settings{Model: "off/o9"}, want: "off/o9"},
		"agent":          {list: []agent.ProviderInfo{off, near}, settings: agent.Settings{Model: "off/o9", Agents: []agent.Agent{{ID: "main", Model: "near"}}}, want: "near/n1"},
		"session":        {list: []agent.ProviderInfo{off, near}, settings: agent.Settings{Model: "near/n9"}, session: "off/a/b", want: "off/a/b"},
		"its settings":   {list: []agent.ProviderInfo{{ID: "far", Facts: far.Facts, Settings: wit.JSON(`{"model":"f2"}`)}}, want: "far/f2"},
		"its credential": {list: []agent.ProviderInfo{{ID: "far", Facts: far.Facts, Credentials: 1}}, want: "far/f1"},
		"named in part":  {list: []agent.ProviderInfo{off, near}, settings: agent.Settings{Model: "off/"}, want: "off/o1"},
		"empty settings": {list: []agent.ProviderInfo{{ID: "far", Facts: far.Facts, Settings: wit.JSON("{}")}}, want: "!no model provider is configured"},
		"offline first":  {list: []agent.ProviderInfo{off, {ID: "off2", Facts: off.Facts}, near, off}, want: "near/n1"},
		"not configured": {list: []agent.ProviderInfo{far}, want: "!no model provider is configured"},
		"unknown":        {list: []agent.ProviderInfo{near}, settings: agent.Settings{Model: "gone/x"}, want: "!no provider for the model"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := chattest.NewWorld(t)
				w.Settings, w.Providers = c.settings, shelf{w.Model, c.list}
				p := w.Start(nil)
				if c.session != "" {
					p.Must("sessions.patch", obj{"key": "main", "model": c.session})
				}
				p.Send("r1", "hi")
				r := p.Wait("r1")
				if fault, ok := strings.CutPrefix(c.want, "!"); ok {
					if r.Error == nil || !strings.Contains(r.Error.Message, fault) || p.Models.Primary("main") != "" {
						t.Errorf("run %+v, primary %q", r, p.Models.Primary("main"))
					}
				} else if got := r.Provider + "/" + r.Used; got != c.want || c.session == "" && p.Models.Primary("main") != c.want {
					t.Errorf("answered by %s, primary %s, want %s", got, p.Models.Primary("main"), c.want)
				}
			})
		})
	}
}
