package kernel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/gateway/client"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/kernel/wire"
	"github.com/carapace-gateway/carapace/wit"
)

// model serves a language model over server-sent events: say writes the answer to a prompt.
func model(t *testing.T, say func(ctx context.Context, prompt string, event func(string))) kerneltest.Option {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		prompt, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/event-stream")
		say(r.Context(), string(prompt), func(data string) {
			fmt.Fprintf(w, "data: %s\n\n", data)
			w.(http.Flusher).Flush()
		})
	}))
	t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
	return kerneltest.Config(t, fmt.Sprintf(`{"plugins":{"stream":{"config":{"url":%q}}}}`, server.URL))
}

// TestAnAnswerStreams lets clients of both protocols watch a model think aloud: each sees the text grow
// while it is written, and the whole of it once.
func TestAnAnswerStreams(t *testing.T) {
	t.Parallel()
	next := make(chan struct{})
	t.Cleanup(sync.OnceFunc(func() { close(next) }))
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Streamer("stream")), model(t, func(_ context.Context, prompt string, event func(string)) {
		for _, word := range []string{"I ", "heard: ", prompt} {
			event(word)
			<-next
		}
		event("[DONE]")
	}))
	k.Listen().MustCall("plugins.configure", map[string]any{"id": "stream", "secrets": map[string]string{"key": "k"}}, nil)
	var all []*kerneltest.Listener
	for _, protocol := range []int{3, 4} {
		c, err := k.TryDial(client.Options{Token: kerneltest.Token, MinProtocol: protocol, MaxProtocol: protocol})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Hello().Protocol; got != protocol {
			t.Errorf("hello-ok speaks %d, not %d", got, protocol)
		}
		all = append(all, kerneltest.Listen(t, c))
	}
	all[0].Send("r1", "hello")
	for _, text := range []string{"I ", "I heard: ", "I heard: hello"} {
		for _, l := range all {
			l.Until("the text so far: "+text, func([]client.Event) bool {
				for _, c := range l.Chats("r1") {
					if c.State == "delta" && strings.TrimRight(kerneltest.Text(c.Message), " ") == strings.TrimRight(text, " ") {
						return true
					}
				}
				return false
			})
		}
		next <- struct{}{}
	}
	for _, l := range all {
		if end := l.End("r1"); end.State != "final" || kerneltest.Text(end.Message) != "I heard: hello" {
			t.Errorf("%+v", end)
		}
		checkSeqs(t, l.Events())
	}
	var history chat.History
	all[1].MustCall("chat.history", map[string]any{"sessionKey": "main"}, &history)
	if len(history.Messages) != 2 || kerneltest.Text(&history.Messages[0]) != "hello" || kerneltest.Text(&history.Messages[1]) != "I heard: hello" {
		t.Errorf("history %+v", history.Messages)
	}
}

// checkSeqs: a client that keeps up loses nothing.
func checkSeqs(t *testing.T, events []client.Event) {
	t.Helper()
	last := uint64(0)
	for _, e := range events {
		if e.Lost != 0 || e.Seq != 0 && last != 0 && e.Seq != last+1 {
			t.Errorf("%s has seq %d after %d, lost %d", e.Name, e.Seq, last, e.Lost)
		}
		last = max(last, e.Seq)
	}
}

// TestToolsAreCalledInALoop: the model asks for two tools at once, then for one more with what it
// learned, then answers; one of them fails and the model is told so.
func TestToolsAreCalledInALoop(t *testing.T) {
	t.Parallel()
	call := func(id, name, args string) wit.ToolCall {
		return wit.ToolCall{ID: id, Name: name, Args: wit.JSON(args)}
	}
	results := func(c *wit.Chat) string {
		var got []string
		for _, turn := range c.Turns {
			if turn.Role == wit.RoleTool {
				got = append(got, *turn.ToolCallID+"="+*turn.Content[0].Text)
			}
		}
		return strings.Join(got, " ")
	}
	brain := kerneltest.Provider("brain", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		switch got := results(c); strings.Count(got, "=") {
		case 0:
			return &wit.ProviderAnswer{ToolCalls: []wit.ToolCall{call("a", "double", `{"n":2}`), call("b", "fails", `{}`)}, Stop: new(wit.StopReasonToolCalls)}, nil
		case 2:
			return &wit.ProviderAnswer{ToolCalls: []wit.ToolCall{call("c", "double", `{"n":4}`)}, Stop: new(wit.StopReasonToolCalls)}, nil
		default:
			return kerneltest.Says(got), nil
		}
	})
	double := kerneltest.Tool("double", func(_ context.Context, i *wit.ToolInvocation) (*wit.ToolOutput, error) {
		var args struct{ N int }
		if err := json.Unmarshal(i.Args, &args); err != nil {
			return nil, err
		}
		return &wit.ToolOutput{Content: []wit.Part{{Kind: wit.PartKindText, Text: new(fmt.Sprint(2 * args.N))}}}, nil
	})
	fails := kerneltest.Tool("fails", func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
		return nil, wit.NewError(wit.CodeUnavailable, "the oven is cold")
	})
	k := kerneltest.Start(t, kerneltest.Plugin(brain, double, fails))
	l := k.Listen()
	answer := l.Ask("r1", "go")
	if !strings.Contains(answer, "a=4 ") || !strings.Contains(answer, "the oven is cold") || !strings.HasSuffix(answer, "c=8") {
		t.Errorf("the model was told %q", answer)
	}
	started := 0
	for _, e := range l.Events() {
		var a chat.AgentEvent
		if e.Name == "agent" && json.Unmarshal(e.Payload, &a) == nil && a.Stream == "tool" && a.Data["phase"] == "start" {
			started++
		}
	}
	if started != 3 {
		t.Errorf("the client saw %d tools start", started)
	}
}

// TestAFailureOfTheProviderReachesTheClient, and the next message is answered all the same.
func TestAFailureOfTheProviderReachesTheClient(t *testing.T) {
	synctest.Test(t, failingProvider)
}

func failingProvider(t *testing.T) {
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Provider("brain", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		switch kerneltest.Heard(c) {
		case "bad key":
			return nil, wit.NewError(wit.CodeUnauthorized, "the key is wrong: set another")
		case "trap":
			panic("unreachable")
		case "nothing":
			return &wit.ProviderAnswer{Stop: new(wit.StopReasonEnd)}, nil
		}
		return kerneltest.Says("fine"), nil
	})))
	l := k.Listen()
	for run, want := range map[string]string{"bad key": "the key is wrong", "trap": "brain"} {
		l.Send(run, run)
		if end := l.End(run); end.State != "error" || !strings.Contains(end.ErrorMessage, want) {
			t.Errorf("%s: %+v", run, end)
		}
		if got := l.Ask("after "+run, "hello"); got != "fine" {
			t.Errorf("after %s: %q", run, got)
		}
	}
	l.Send("nothing", "nothing")
	if end := l.End("nothing"); end.State == "final" && strings.TrimSpace(kerneltest.Text(end.Message)) == "" {
		t.Errorf("an empty final: %+v", end)
	}
}

// TestMessagesWhileBusy: what is said while an answer is written waits for its turn; an abort ends what
// runs, and each run ends once, with a text of its own.
func TestMessagesWhileBusy(t *testing.T) {
	t.Parallel()
	begun := make(chan string, 100)
	release := make(chan struct{})
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Provider("brain", func(ctx context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		text := kerneltest.Heard(c)
		begun <- text
		select {
		case <-release:
			return kerneltest.Says("re: " + text), nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})))
	l := k.Listen()
	var ids []string
	for i := range 10 {
		ids = append(ids, fmt.Sprintf("run %d", i))
		l.Send(ids[i], ids[i])
	}
	<-begun
	var again struct{ RunID, Status string }
	l.MustCall("chat.send", map[string]any{"sessionKey": "main", "message": "other words", "idempotencyKey": ids[3]}, &again)
	if again.Status != "in_flight" || again.RunID != ids[3] {
		t.Errorf("a repeated key: %+v", again)
	}
	l.MustCall("chat.abort", map[string]any{"sessionKey": "main", "runId": ids[0]}, nil)
	if end := l.End(ids[0]); end.State != "aborted" {
		t.Errorf("aborted: %+v", end)
	}
	l.MustCall("chat.abort", map[string]any{"sessionKey": "main", "runId": ids[9]}, nil)
	close(release)
	for _, id := range ids[1:9] {
		if end := l.End(id); end.State != "final" || kerneltest.Text(end.Message) != "re: "+id {
			t.Errorf("%s: %+v %s", id, end, kerneltest.Text(end.Message))
		}
	}
	if end := l.End(ids[9]); end.State != "aborted" {
		t.Errorf("aborted while it waited: %+v", end)
	}
	l.MustCall("chat.send", map[string]any{"sessionKey": "main", "message": "x", "idempotencyKey": ids[3]}, &again)
	if again.Status != "ok" {
		t.Errorf("a repeated key after the end: %+v", again)
	}
	onceEach(t, l, ids)
}

// onceEach checks that each run has exactly one end.
func onceEach(t *testing.T, l *kerneltest.Listener, ids []string) {
	t.Helper()
	ends := map[string]int{}
	for _, c := range l.Chats("") {
		if c.State != "delta" {
			ends[c.RunID]++
		}
	}
	for _, id := range ids {
		if ends[id] != 1 {
			t.Errorf("run %s has %d ends", id, ends[id])
		}
	}
}

// TestTwoKernelsInOneProcess have nothing in common, even with plugins and sessions of the same names.
func TestTwoKernelsInOneProcess(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	var all []*kerneltest.Listener
	for i := range 2 {
		answer := fmt.Sprint("I am kernel ", i)
		k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Provider("brain", func(context.Context, *wit.Chat) (*wit.ProviderAnswer, error) {
			return kerneltest.Says(answer), nil
		})))
		all = append(all, k.Listen())
	}
	for i, l := range all {
		wg.Go(func() {
			for n := range 5 {
				run := fmt.Sprint("same ", n)
				l.MustCall("chat.send", map[string]any{"sessionKey": "main", "message": "hi", "idempotencyKey": run}, nil)
				if got := kerneltest.Text(l.End(run).Message); got != fmt.Sprint("I am kernel ", i) {
					t.Errorf("kernel %d says %q", i, got)
				}
			}
		})
	}
	wg.Wait()
	for _, l := range all {
		if n := len(l.Chats("")); n > 20 {
			t.Errorf("%d chat events: somebody heard the other", n)
		}
	}
}

// TestScopes: what a client may do and what it hears are the scopes that it connected with.
func TestScopes(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo")))
	owner, reader, pairing := k.Listen(), k.Listen(wire.ScopeRead), k.Listen(wire.ScopePairing)
	forbidden := func(l *kerneltest.Listener, method string, params any) {
		t.Helper()
		if err := l.Call(t.Context(), method, params, nil); wit.CodeOf(err) != wit.CodeForbidden {
			t.Errorf("%s: %v", method, err)
		}
	}
	send := map[string]any{"sessionKey": "main", "message": "hi", "idempotencyKey": "r1"}
	forbidden(pairing, "config.get", nil)
	forbidden(reader, "chat.send", send)
	forbidden(reader, "plugins.grant", map[string]any{"id": "echo"})
	forbidden(reader, "device.pair.list", nil)
	forbidden(pairing, "chat.history", map[string]any{"sessionKey": "main"})
	forbidden(pairing, "logs.tail", map[string]any{})
	pairing.MustCall("device.pair.list", nil, nil)
	if got := owner.Ask("r1", "hi"); got != "you said: hi" {
		t.Errorf("%q", got)
	}
	reader.End("r1")
	reader.MustCall("health", nil, nil)
	// What the pairing client was told before this answer it was told before the run's end.
	pairing.MustCall("device.pair.list", nil, nil)
	for _, e := range pairing.Events() {
		if e.Name == "chat" || e.Name == "agent" || strings.HasPrefix(e.Name, "session") {
			t.Errorf("the pairing client heard %s %s", e.Name, e.Payload)
		}
	}
	for name, o := range map[string]client.Options{"no token": {}, "a wrong token": {Token: "wrong"}, "an unknown scope": {Token: kerneltest.Token, Scopes: []wire.Scope{"operator.everything"}}} {
		c, err := k.TryDial(o)
		if err == nil && name != "an unknown scope" {
			t.Errorf("%s: connected", name)
		} else if err == nil {
			if err := c.Call(t.Context(), "config.get", nil, nil); wit.CodeOf(err) != wit.CodeForbidden {
				t.Errorf("%s may read the settings: %v", name, err)
			}
		}
	}
}

// TestASlowClientHoldsNobodyUp: one client stops reading while a lot is said; the others hear all of it.
func TestASlowClientHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Provider("brain", func(context.Context, *wit.Chat) (*wit.ProviderAnswer, error) {
		return kerneltest.Says(strings.Repeat("word ", 30_000)), nil
	})))
	stuck := k.Stuck()
	l := k.Listen()
	for i := range 12 {
		if got := l.Ask(fmt.Sprint("r", i), "talk"); len(got) < 149_000 {
			t.Fatalf("%d bytes came", len(got))
		}
	}
	// It is cut off rather than remembered for ever.
	end := make(chan error, 1)
	go func() {
		n, err := io.Copy(io.Discard, stuck)
		if err == nil && n > 8<<20 {
			err = fmt.Errorf("it got %d bytes", n)
		}
		end <- err
	}()
	select {
	case err := <-end:
		if err != nil {
			t.Errorf("the slow client: %v", err)
		}
	case <-time.After(kerneltest.Patience):
		t.Error("the slow client was never cut off")
	}
}
