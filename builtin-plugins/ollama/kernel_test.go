package ollama_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/ollama/ollamatest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest/fieldtest"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
)

// TestField: what the server sends, through a whole gateway.
func TestField(t *testing.T) {
	t.Parallel()
	fieldtest.Run(t, fieldtest.Stage{Folder: "..", Provider: "ollama"}, "ollama", map[string]fieldtest.Kind{"conversation": fieldtest.Conversation})
}

// TestGateway talks with the server through a whole gateway: one after the other, in one conversation.
func TestGateway(t *testing.T) {
	t.Parallel()
	s := ollamatest.New()
	s.Ask("right")
	up := kerneltest.NewUpstream(s)
	web := httptest.NewServer(up)
	t.Cleanup(web.Close)
	k := kerneltest.Start(t, kerneltest.Bundled(t, ".."), kerneltest.Compiled(t), kerneltest.Config(t, fmt.Sprintf(
		`{"agents":{"defaults":{"thinkingDefault":"high"}},"agent":{"model":"ollama/qwen3:8b"},"plugins":{"ollama":{"config":{"baseUrl":%q}}}}`, web.URL)))
	l := k.Listen()
	key := func(value string) {
		l.MustCall("plugins.configure", map[string]any{"id": "ollama", "secrets": map[string]string{"api_key": value}}, nil)
	}
	t.Run("a bad key", func(t *testing.T) {
		key("wrong")
		l.Send("key", "hi")
		if end := l.End("key"); end.State != "error" || !strings.Contains(end.ErrorMessage, "the key is not accepted; give the right one with `carapace setup ollama`") {
			t.Errorf("%s: %s", end.State, end.ErrorMessage)
		}
	})
	key("right")
	t.Run("models", func(t *testing.T) {
		var list struct {
			Models []struct{ ID, Provider string }
		}
		l.MustCall("models.list", map[string]any{"refresh": true}, &list)
		var ids []string
		for _, m := range list.Models {
			if m.Provider == "ollama" {
				ids = append(ids, m.ID)
			}
		}
		if got := strings.Join(ids, " "); len(ids) != 3 || strings.Contains(got, "nomic") {
			t.Errorf("models %q", got)
		}
	})
	t.Run("streaming", func(t *testing.T) { streaming(t, l, s) })
	t.Run("tools", func(t *testing.T) { tools(t, l, s) })
	t.Run("a picture", func(t *testing.T) { picture(t, l, s) })
	t.Run("stopped in the middle", func(t *testing.T) { stopped(t, l, s, up) })
	t.Run("a model that is not there", func(t *testing.T) {
		l.MustCall("sessions.patch", map[string]any{"key": "main", "model": "ollama/llama3.2"}, nil)
		l.Send("none", "hi")
		if end := l.End("none"); end.State != "error" || !strings.Contains(end.ErrorMessage, "get it with `carapace models pull ollama/llama3.2`") {
			t.Errorf("%s: %s", end.State, end.ErrorMessage)
		}
	})
}

// streaming: thinking and text arrive apart.
func streaming(t *testing.T, l *kerneltest.Listener, s *ollamatest.Server) {
	s.Play(ollamatest.Answer{Thinking: "A greeting.", Text: "Good morning, dear **friend**. 😀"})
	if got := l.Ask("hello", "hello"); got != "Good morning, dear **friend**. 😀" {
		t.Errorf("the answer is %q", got)
	}
	thought := ""
	for _, e := range l.Events() {
		var a chat.AgentEvent
		if e.Name == "agent" && json.Unmarshal(e.Payload, &a) == nil && a.RunID == "hello" && a.Stream == "thinking" {
			delta, _ := a.Data["delta"].(string)
			thought += delta
		}
	}
	if thought != "A greeting." {
		t.Errorf("thought %q", thought)
	}
}

// tools: three calls at once, without ids and one with long arguments, are made and answered.
func tools(t *testing.T, l *kerneltest.Listener, s *ollamatest.Server) {
	long := "1" + strings.Repeat("+1", 20_000)
	s.Play(ollamatest.Answer{Thinking: "I need sums.", Calls: []ollamatest.Call{
		{Name: "calc", Args: `{"expression":"6*7"}`}, {Name: "calc", Args: `{"expression":"1+1"}`}, {Name: "calc", Args: `{"expression":"` + long + `"}`},
	}}, ollamatest.Answer{Text: "42 and 2."})
	if got := l.Ask("tools", "what is 6*7, and 1+1?"); got != "42 and 2." {
		t.Errorf("the answer is %q", got)
	}
	all := s.Requests()
	var q struct {
		Messages []struct {
			Role, Content, Thinking string
			Tool                    string `json:"tool_name"`
		}
		Options struct {
			Context int `json:"num_ctx"`
		}
	}
	if err := json.Unmarshal(all[len(all)-1].Body, &q); err != nil {
		t.Fatal(err)
	}
	n := len(q.Messages)
	if q.Messages[n-4].Thinking != "I need sums." || q.Messages[n-3].Content != "42" || q.Messages[n-3].Tool != "calc" || q.Messages[n-2].Content != "2" || q.Options.Context != 16384 {
		t.Errorf("%+v", q)
	}
}

// picture: a picture that somebody sends reaches a model that sees, byte for byte; one that cannot call tools is told of none.
func picture(t *testing.T, l *kerneltest.Listener, s *ollamatest.Server) {
	l.MustCall("sessions.patch", map[string]any{"key": "main", "model": "ollama/gemma3:4b"}, nil)
	defer l.MustCall("sessions.patch", map[string]any{"key": "main", "model": "ollama/qwen3:8b"}, nil)
	s.Play(ollamatest.Answer{Text: "A dot."})
	const dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
	l.MustCall("chat.send", map[string]any{"sessionKey": "main", "message": "what is this?", "idempotencyKey": "dot",
		"attachments": []any{map[string]any{"type": "image", "mimeType": "image/png", "fileName": "dot.png", "content": dot}}}, nil)
	if end := l.End("dot"); end.State != "final" || kerneltest.Text(end.Message) != "A dot." {
		t.Fatalf("%s: %s", end.State, end.ErrorMessage)
	}
	all := s.Requests()
	var q struct {
		Messages []struct{ Images [][]byte }
		Tools    []any
	}
	if err := json.Unmarshal(all[len(all)-1].Body, &q); err != nil {
		t.Fatal(err)
	}
	want, _ := base64.StdEncoding.DecodeString(dot)
	if images := q.Messages[len(q.Messages)-1].Images; len(images) != 1 || string(images[0]) != string(want) || len(q.Tools) != 0 {
		t.Errorf("%d pictures, %d tools", len(images), len(q.Tools))
	}
}

// stopped: the connection is given up when the owner stops the run, and the next question is answered.
func stopped(t *testing.T, l *kerneltest.Listener, s *ollamatest.Server, up *kerneltest.Upstream) {
	s.Play(ollamatest.Answer{Text: "I begin and go on", After: 2, Hang: true})
	up.StoppedInTheMiddle(l, "I begin")
	s.Play(ollamatest.Answer{Text: "Here I am."})
	if got := l.Ask("again", "are you there?"); got != "Here I am." {
		t.Errorf("the answer is %q", got)
	}
}
