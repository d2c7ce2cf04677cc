package kernel_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/wit"
)

// TestALongAnswerArrivesInPieces that fit the platform, in order, each with a key of its own.
func TestALongAnswerArrivesInPieces(t *testing.T) {
	t.Parallel()
	p := kerneltest.NewPlatform(t)
	var words []string
	for i := range 2000 {
		words = append(words, fmt.Sprint("word", i))
	}
	long := strings.Join(words, " ")
	k := kerneltest.Start(t, account(t, p, openToAll), kerneltest.Plugin(kerneltest.Channel("chat"),
		kerneltest.Provider("brain", func(context.Context, *wit.Chat) (*wit.ProviderAnswer, error) { return kerneltest.Says(long), nil })))
	setToken(k.Listen())
	p.Refuse(1, 429)
	p.Say("ann", "tell me everything")
	var got []string
	p.Until("all of it is posted", func(posts []kerneltest.Post) bool {
		got = nil
		for _, q := range posts {
			if !q.Refused {
				got = append(got, q.Text)
			}
		}
		return len(strings.Fields(strings.Join(got, " "))) >= len(words)
	})
	if all := strings.Join(strings.Fields(strings.Join(got, " ")), " "); all != long || len(got) < 4 {
		t.Errorf("%d pieces, %d of %d bytes", len(got), len(all), len(long))
	}
	keys := map[string]bool{}
	for _, q := range p.Posts() {
		if len(q.Text) > 4000 || keys[q.Key] && !q.Repeated && !q.Refused && q.Key != p.Posts()[0].Key {
			t.Errorf("a piece of %d bytes with the key %s", len(q.Text), q.Key)
		}
		keys[q.Key] = true
	}
}

// TestAPersonStopsAndStartsOver with words: /stop ends a long answer at once, /new forgets.
func TestAPersonStopsAndStartsOver(t *testing.T) {
	t.Parallel()
	p := kerneltest.NewPlatform(t)
	begun := make(chan int, 10)
	k := kerneltest.Start(t, account(t, p, openToAll), kerneltest.Plugin(kerneltest.Channel("chat"),
		kerneltest.Provider("brain", func(ctx context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
			begun <- len(c.Turns)
			if strings.Contains(kerneltest.Heard(c), "think") {
				<-ctx.Done()
				return nil, ctx.Err()
			}
			return kerneltest.Says(fmt.Sprint("I remember ", len(c.Turns), " turns")), nil
		})))
	l := k.Listen()
	setToken(l)
	p.Say("ann", "hello")
	p.Answered("I remember 1 turns")
	<-begun
	p.Say("ann", "think hard")
	<-begun
	p.Say("ann", "/stop")
	if end := l.End("chat/home/m2"); end.State != "aborted" {
		t.Errorf("%+v", end)
	}
	p.Say("ann", "/new")
	p.Until("there is an answer to /new", func(posts []kerneltest.Post) bool { return len(posts) >= 3 })
	p.Say("ann", "hello again")
	p.Until("it is answered", func(posts []kerneltest.Post) bool { return count(posts, "I remember 1 turns") == 2 })
}

// TestASessionEndsWhileItIsBusy: a reset ends what runs, and what was said after it begins anew; a
// deletion ends what waits as well.
func TestASessionEndsWhileItIsBusy(t *testing.T) {
	t.Parallel()
	begun := make(chan struct{}, 10)
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Provider("brain", func(ctx context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		if strings.Contains(kerneltest.Heard(c), "wait") {
			begun <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return kerneltest.Says(fmt.Sprint(len(c.Turns))), nil
	})))
	l := k.Listen()
	l.Ask("one", "hi")
	if got := l.Ask("two", "hi"); got != "3" {
		t.Errorf("%s turns", got)
	}
	l.Send("busy", "wait")
	l.Send("after", "hi")
	<-begun
	l.MustCall("sessions.reset", map[string]any{"key": "main"}, nil)
	if end := l.End("busy"); end.State != "aborted" {
		t.Errorf("%+v", end)
	}
	if got := kerneltest.Text(l.End("after").Message); got != "1" {
		t.Errorf("after the reset: %s turns", got)
	}

	for _, run := range []string{"running", "waiting"} {
		l.MustCall("chat.send", map[string]any{"sessionKey": "other", "message": "wait", "idempotencyKey": run}, nil)
	}
	<-begun
	l.MustCall("sessions.delete", map[string]any{"key": "other"}, nil)
	for _, run := range []string{"running", "waiting"} {
		if end := l.End(run); end.State != "aborted" {
			t.Errorf("%+v", end)
		}
	}
	var list struct{ Sessions []struct{ Key string } }
	l.MustCall("sessions.list", nil, &list)
	if len(list.Sessions) != 1 || list.Sessions[0].Key != "agent:main:main" {
		t.Errorf("%+v", list)
	}
	onceEach(t, l, []string{"one", "two", "busy", "after", "running", "waiting"})
}

// TestAHookVetoesATool, the model is told why, and what is said later goes on.
func TestAHookVetoesATool(t *testing.T) {
	t.Parallel()
	ran := false
	danger := kerneltest.Tool("danger", func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
		ran = true
		return &wit.ToolOutput{}, nil
	})
	guard := kerneltest.Hook("guard", wit.HookNameBeforeToolCall, func(context.Context, *wit.HookEvent) (*wit.HookDecision, error) {
		return &wit.HookDecision{Cancel: true, Reason: new("the owner forbids it")}, nil
	})
	brain := kerneltest.Provider("brain", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		if last := c.Turns[len(c.Turns)-1]; last.Role == wit.RoleTool {
			return kerneltest.Says(*last.Content[0].Text), nil
		}
		return &wit.ProviderAnswer{ToolCalls: []wit.ToolCall{{ID: "c", Name: "danger", Args: wit.JSON(`{}`)}}, Stop: new(wit.StopReasonToolCalls)}, nil
	})
	l := kerneltest.Start(t, kerneltest.Plugin(danger, guard, brain)).Listen()
	if got := l.Ask("r", "do it"); !strings.Contains(got, "the owner forbids it") || ran {
		t.Errorf("ran %v: %q", ran, got)
	}
}

// TestAChannelWaitsForItsPlugin: while the plugin is gone nothing is lost, and its accounts go on when
// it is back.
func TestAChannelWaitsForItsPlugin(t *testing.T) {
	t.Parallel()
	p := kerneltest.NewPlatform(t)
	source := new(plugintest.Memory)
	source.Put(kerneltest.Channel("chat"))
	k := kerneltest.Start(t, account(t, p, openToAll), kerneltest.Source(source), kerneltest.Plugin(kerneltest.Echo("echo")))
	l := k.Listen()
	setToken(l)
	p.Say("ann", "one")
	p.Answered("you said: one")
	source.Remove("chat")
	l.Event("plugins.changed", func(b json.RawMessage) bool {
		return strings.Contains(string(b), `"chat"`) && strings.Contains(string(b), `"stopped"`)
	})
	p.Say("ann", "two")
	source.Put(kerneltest.Channel("chat", func(m *wit.Manifest) { m.Version = "2.0.0" }))
	p.Answered("you said: two")
	p.Say("ann", "three")
	p.Answered("you said: three")
	for _, word := range []string{"one", "two", "three"} {
		if n := count(p.Posts(), "you said: "+word); n != 1 {
			t.Errorf("%s was answered %d times", word, n)
		}
	}
}

// TestAPictureIsSeen: what a client attaches reaches the model by reference, and the history keeps it.
func TestAPictureIsSeen(t *testing.T) {
	t.Parallel()
	var seen []wit.Part
	k := kerneltest.Start(t, kerneltest.StateDir(t.TempDir()), kerneltest.Plugin(kerneltest.Provider("brain", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		seen = c.Turns[len(c.Turns)-1].Content
		return kerneltest.Says("a dot"), nil
	})))
	l := k.Listen()
	const dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
	send := func(run, mime, content string) error {
		return l.Call(t.Context(), "chat.send", map[string]any{"sessionKey": "main", "message": "what is this?", "idempotencyKey": run,
			"attachments": []any{map[string]any{"type": "image", "mimeType": mime, "fileName": "dot.png", "content": content}}}, nil)
	}
	for name, bad := range map[string][2]string{"no base64": {"image/png", "§§§"}, "a program": {"application/x-sh", dot}, "nothing": {"image/png", ""}} {
		if err := send(name, bad[0], bad[1]); wit.CodeOf(err) != wit.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := send("r", "image/png", dot); err != nil {
		t.Fatal(err)
	}
	if got := kerneltest.Text(l.End("r").Message); got != "a dot" {
		t.Errorf("%q", got)
	}
	pictures := 0
	for _, part := range seen {
		if part.Kind == wit.PartKindImage && part.Media != nil && *part.Media != "" {
			pictures++
		}
	}
	var history chat.History
	l.MustCall("chat.history", map[string]any{"sessionKey": "main"}, &history)
	if b, err := json.Marshal(history); err != nil || pictures != 1 || !strings.Contains(string(b), `"image"`) {
		t.Errorf("the model saw %s; history %s %v", wit.Marshal(&wit.ChatTurn{Content: seen}), b, err)
	}
}
