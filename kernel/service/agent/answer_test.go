package agent_test

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/carapace-gateway/carapace/kernel/egress"
	"github.com/carapace-gateway/carapace/kernel/service/agent"
	"github.com/carapace-gateway/carapace/kernel/service/chat/chattest"
	"github.com/carapace-gateway/carapace/kernel/service/run"
	"github.com/carapace-gateway/carapace/wit"
)

// streamed lets the model answer its requests with these streams, one each, and the last one from then on.
func streamed(w *chattest.World, framing wit.Framing, bodies ...io.Reader) {
	n := 0
	w.Model.Frame = framing
	w.Model.Res = func(*wit.Chat) (*egress.Response, error) {
		body := bodies[min(n, len(bodies)-1)]
		n++
		return &egress.Response{Status: 200, Body: io.NopCloser(body)}, nil
	}
}

// pieces is a request for a tool in pieces.
func pieces(deltas ...wit.CallDelta) *wit.ProviderAnswer {
	return &wit.ProviderAnswer{CallDeltas: deltas}
}

// TestCallsInPieces: the pieces of several calls come in any order, and are calls once the model has finished.
func TestCallsInPieces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		streamed(w, wit.FramingSSE, chattest.SSE(
			pieces(wit.CallDelta{Call: 1, ID: "b", Name: "pay"}, wit.CallDelta{Call: 0, ID: "a", Name: "add", Args: `{"a"`}),
			pieces(wit.CallDelta{Call: 0, Args: `:1}`}, wit.CallDelta{Call: 2, Args: `{"nobody":1}`}), chattest.Ended(),
		), chattest.SSE(chattest.Say("done")))
		p := w.Start(nil)
		p.Send("r1", "go")
		r := p.Wait("r1")
		if got := strings.Join(w.History(chattest.MainKey), "|"); r.Answer != "done" || got != `user: go|call add|call pay|tool: add ok {"a":1}|tool: pay ok {}|assistant: done` {
			t.Errorf("%s: %s", r.Answer, got)
		}
	})
}

// TestPiecesAreBounded: what a model's calls may hold, and how many there are.
func TestPiecesAreBounded(t *testing.T) {
	for name, a := range map[string]*wit.ProviderAnswer{
		"arguments": pieces(wit.CallDelta{Name: "add", Args: strings.Repeat("x", 1<<20)}, wit.CallDelta{Args: strings.Repeat("x", 1<<20+1)}),
		"calls":     pieces(wit.CallDelta{Call: 32, Name: "add"}),
		"opaque": pieces(wit.CallDelta{Name: "add", Opaque: long(250)}, wit.CallDelta{Call: 1, Name: "add", Opaque: long(250)}, wit.CallDelta{Call: 2, Name: "add", Opaque: long(250)},
			wit.CallDelta{Call: 3, Name: "add", Opaque: long(250)}, wit.CallDelta{Call: 4, Name: "add", Opaque: long(250)}),
	} {
		synctest.Test(t, func(t *testing.T) {
			w := chattest.NewWorld(t)
			streamed(w, wit.FramingSSE, chattest.SSE(a, chattest.Ended()))
			p := w.Start(nil)
			p.Send("r1", "go")
			if r := p.Wait("r1"); r.State != run.Failed || r.Error.Code != wit.CodeTooLarge {
				t.Errorf("%s: %s, %+v", name, r.State, r.Error)
			}
		})
	}
}

// long is a JSON text of so many KiB.
func long(kib int) wit.JSON { return wit.JSON(`"` + strings.Repeat("x", kib<<10) + `"`) }

// TestCutOff: what people have read stays and is marked, half a tool call is not made, and where nothing of the text
// was shown the model is asked again.
func TestCutOff(t *testing.T) {
	const mark = "\n\n[The connection to the model broke off here.]"
	text, thought := `{"deltas":[{"text":"so far"}]}`+"\n", `{"deltas":[{"kind":"thinking","text":"hm"}]}`+"\n"
	signed := `{"opaque":{"signature":"x"}}` + "\n"
	call := `{"callDeltas":[{"id":"a","name":"pay","args":"{}"}]}` + "\n"
	for name, c := range map[string]struct{ body, want string }{
		"text":                 {text, "so far" + mark},
		"text and a call":      {text + call, "so far" + mark},
		"text and a signature": {text + signed + call, "so far" + mark},
		"a call":               {call, "again"},
		"thinking":             {thought, "again"},
		"nothing":              {"", "again"},
		"thinking, then text":  {thought + text, "so far" + mark},
		"text, then thinking":  {text + thought, "so far" + mark},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := chattest.NewWorld(t)
			streamed(w, wit.FramingNDJSON, strings.NewReader(c.body), strings.NewReader(`{"deltas":[{"text":"again"}],"stop":"end"}`))
			p := w.Start(nil)
			p.Send("r1", "go")
			r := p.Wait("r1")
			if r.State != run.Done || r.Answer != c.want {
				t.Errorf("%s: %s %q, %+v", name, r.State, r.Answer, r.Error)
			}
			all := w.Messages(chattest.MainKey)
			if last := all[len(all)-1]; len(all) != 2 || (last.Stop == "broken") != (c.want != "again") || last.Opaque != nil {
				t.Errorf("%s: the history has %d messages, the last %q, with %q", name, len(all), last.Stop, last.Opaque)
			}
		})
	}
}

// TestWhatIsNoStream: one body instead of a stream is given to the provider whole.
func TestWhatIsNoStream(t *testing.T) {
	for body, want := range map[string]string{
		`{"deltas":[{"text":"at once"}],"stop":"end"}`:                                "at once",
		" \n{\n\"deltas\":[{\"text\":\"in lines\"}],\n\"stop\":\"end\"}\n":            "in lines",
		"\r\n: ping\r\ndata: {\"deltas\":[{\"text\":\"a stream\"}],\"stop\":\"end\"}": "a stream",
	} {
		synctest.Test(t, func(t *testing.T) {
			w := chattest.NewWorld(t)
			streamed(w, wit.FramingSSE, strings.NewReader(body))
			p := w.Start(nil)
			p.Send("r1", "go")
			if r := p.Wait("r1"); r.Answer != want {
				t.Errorf("%q: %q, %+v", body, r.Answer, r.Error)
			}
		})
	}
}

// TestOpaque: what a provider wants to have again comes back with its turn and call, with the thinking, to the same
// model only; no client ever sees it.
func TestOpaque(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		signed := chattest.Call("a", "pay", `{}`)
		signed.Opaque = wit.JSON(`{"signature":"of the call"}`)
		ask := chattest.Ask(signed)
		ask.Opaque = wit.JSON(`{"signature":"of the turn"}`)
		ask.Deltas = []wit.Delta{{Kind: wit.DeltaKindThinking, Text: "I should "}, {Kind: wit.DeltaKindThinking, Text: "pay"}}
		plain := chattest.Say("done")
		plain.Deltas = append(plain.Deltas, wit.Delta{Kind: wit.DeltaKindThinking, Text: "well"})
		chattest.Script(w, ask, plain, chattest.Say("other"), chattest.Say("same"))
		p := w.Start(nil)
		p.Send("r1", "go")
		p.Wait("r1")
		p.Must("sessions.patch", obj{"key": "main", "model": "mock/mock-2"})
		p.Send("r2", "go on")
		p.Wait("r2")
		p.Must("sessions.patch", obj{"key": "main", "model": "mock/mock-1"})
		p.Send("r3", "and again")
		p.Wait("r3")
		for i, want := range map[int]string{1: "I should pay", 2: "", 3: "I should pay"} {
			turn := w.Model.Requests()[i].Turns[1]
			if turn.Thinking != want || (turn.Opaque != nil) != (want != "") || (turn.ToolCalls[0].Opaque != nil) != (want != "") {
				t.Errorf("request %d: %q, %s, %s", i+1, turn.Thinking, turn.Opaque, turn.ToolCalls[0].Opaque)
			}
			if i > 1 && w.Model.Requests()[i].Turns[3].Thinking != "" {
				t.Error("the thinking of a turn without tools was kept")
			}
		}
		seen := fmt.Sprint(p.Must("chat.history", obj{"sessionKey": "main"}), p.Must("sessions.export", obj{"key": "main"}), p.Must("sessions.preview", obj{"keys": []string{"main"}}))
		w.Mu.Lock()
		defer w.Mu.Unlock()
		for _, e := range w.Events {
			raw, err := json.Marshal(e.Payload)
			if err != nil {
				t.Fatal(err)
			}
			seen += string(raw)
		}
		if strings.Contains(seen, "signature") || !strings.Contains(seen, "pay") {
			t.Errorf("clients see %.2000s", seen)
		}
	})
}

// TestLongResultOfATool: the newest result is cut to what the model reads, and says so; so is one of many parts.
func TestLongResultOfATool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := chattest.NewWorld(t)
		w.Settings = agent.Settings{ContextTokens: 4 << 10}
		w.Model.NoModels = true
		chattest.Script(w, chattest.Ask(chattest.Call("c", "pay", fmt.Sprintf(`{"x":"%s"}`, strings.Repeat("é", 20_000)))), chattest.Say("enough"))
		p := w.Start(nil)
		p.Send("r1", "go")
		p.Wait("r1")
		all := w.Model.Requests()
		res := chattest.Results(all[len(all)-1])
		if len(res) != 1 || !strings.HasPrefix(res[0], "pay ok") || !strings.HasSuffix(res[0], "[cut: the result is longer than the model reads]") || len(res[0]) > 16<<10 {
			t.Errorf("%d results, %d bytes", len(res), len(res[0]))
		}
		kept := w.Messages(chattest.MainKey)[2]
		if len(kept.Text()) < 40_000 {
			t.Errorf("the history has %d bytes of the result", len(kept.Text()))
		}
	})
}
