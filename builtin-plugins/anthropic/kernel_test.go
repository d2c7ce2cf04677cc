package anthropic_test

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	api "github.com/carapace-gateway/carapace/builtin-plugins/anthropic/anthropictest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest/fieldtest"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
)

// TestField: what the API and servers like it send, through a whole gateway.
func TestField(t *testing.T) {
	t.Parallel()
	fieldtest.Run(t, fieldtest.Stage{Folder: "..", Provider: "anthropic"}, "anthropic", map[string]fieldtest.Kind{"conversation": fieldtest.Conversation})
}

// TestGateway talks with the API through a whole gateway: one after the other, in one conversation. The server refuses what the
// API would, and checks the signatures of thinking.
func TestGateway(t *testing.T) {
	t.Parallel()
	s := api.New("sk-ant-right")
	up := kerneltest.NewUpstream(s)
	web := httptest.NewServer(up)
	t.Cleanup(web.Close)
	k := kerneltest.Start(t, kerneltest.Bundled(t, ".."), kerneltest.Compiled(t), kerneltest.Config(t, fmt.Sprintf(
		`{"agents":{"defaults":{"thinkingDefault":"high"}},"agent":{"model":"anthropic/claude-opus-5-5"},"plugins":{"anthropic":{"config":{"baseUrl":%q}}}}`, web.URL)))
	l := k.Listen()
	key := func(value string) {
		l.MustCall("plugins.configure", map[string]any{"id": "anthropic", "secrets": map[string]string{"api_key": value}}, nil)
	}
	t.Run("a bad key", func(t *testing.T) {
		key("sk-ant-wrong")
		l.Send("key", "hi")
		end := l.End("key")
		if end.State != "error" || !strings.Contains(end.ErrorMessage, "the key is not accepted; give the right one with `carapace setup anthropic`") || strings.Contains(end.ErrorMessage, "sk-ant") {
			t.Errorf("%s: %s", end.State, end.ErrorMessage)
		}
	})
	key("sk-ant-right")
	t.Run("streaming", func(t *testing.T) { streaming(t, l, s) })
	t.Run("tools", func(t *testing.T) { tools(t, l, s) })
	t.Run("files", func(t *testing.T) { files(t, l, s) })
	t.Run("stopped in the middle", func(t *testing.T) { stopped(t, l, s, up) })
	t.Run("an error", func(t *testing.T) {
		s.Play(api.Answer{Status: 403, Kind: "permission_error", Message: "Your workspace may not use this model."})
		l.Send("refused", "hi")
		if end := l.End("refused"); end.State != "error" || !strings.Contains(end.ErrorMessage, "Your workspace may not use this model.") {
			t.Errorf("%s: %s", end.State, end.ErrorMessage)
		}
	})
	t.Run("models", func(t *testing.T) {
		s.Serve(2, api.Models()...)
		var list struct {
			Models []struct {
				ID, Provider  string
				ContextWindow int
			}
		}
		l.MustCall("models.list", map[string]any{"refresh": true}, &list)
		n := 0
		for _, m := range list.Models {
			if m.Provider == "anthropic" {
				n++
			}
		}
		if n != len(api.Models()) {
			t.Errorf("%+v", list.Models)
		}
	})
	for _, r := range s.Requests() {
		if r.Refused != "" && !strings.Contains(r.Refused, "x-api-key") {
			t.Errorf("the API refuses a request: %s\n%.2000s", r.Refused, r.Body)
		}
	}
}

// streaming: thinking and text arrive apart and while they are made.
func streaming(t *testing.T, l *kerneltest.Listener, s *api.Server) {
	s.Play(api.Answer{Blocks: []api.Block{api.Thinking("A greeting."), api.Text("Good morning, dear **friend**. 😀")}, Gap: time.Millisecond})
	if got := l.Ask("hello", "hello"); got != "Good morning, dear **friend**. 😀" {
		t.Errorf("the answer is %q", got)
	}
	thought, pieces := "", 0
	for _, e := range l.Events() {
		var a chat.AgentEvent
		if e.Name != "agent" || json.Unmarshal(e.Payload, &a) != nil || a.RunID != "hello" {
			continue
		}
		delta, _ := a.Data["delta"].(string)
		switch {
		case a.Stream == "thinking":
			thought += delta
		case a.Stream == "assistant" && delta != "":
			pieces++
		}
	}
	if thought != "A greeting." || pieces == 0 {
		t.Errorf("thought %q, said in %d pieces", thought, pieces)
	}
}

// tools: three calls at once, one with long arguments, are made and answered; the model goes on with all that it thought, whose
// signatures the server checks, and reads most of each request from its cache.
func tools(t *testing.T, l *kerneltest.Listener, s *api.Server) {
	long := "1" + strings.Repeat("+1", 20_000)
	s.Play(
		api.Answer{Blocks: []api.Block{
			api.Thinking("I need sums."), api.Text("Let me see. "), api.Call("toolu_1", "calc", `{"expression":"6*7"}`), api.Call("toolu_2", "calc", `{"expression":"1+1"}`),
			api.Call("toolu_3", "calc", `{"expression":"`+long+`"}`),
		}, Piece: 100},
		api.Answer{Blocks: []api.Block{api.Thinking("Done."), api.Text("42 and 2.")}},
		api.Answer{Blocks: []api.Block{api.Text("You are welcome.")}})
	before := len(s.Requests())
	if got := l.Ask("tools", "what is 6*7, and 1+1?"); !strings.Contains(got, "42 and 2.") {
		t.Errorf("the answer is %q", got)
	}
	if got := l.Ask("thanks", "thanks"); got != "You are welcome." {
		t.Errorf("the answer is %q", got)
	}
	got := s.Requests()[before:]
	if len(got) != 3 {
		t.Fatalf("%d requests", len(got))
	}
	var q struct {
		Messages []struct {
			Content []struct {
				Type, Content, Thinking string
				ID                      string `json:"tool_use_id"`
			}
		}
	}
	if err := json.Unmarshal(got[2].Body, &q); err != nil {
		t.Fatal(err)
	}
	n := len(q.Messages)
	results, asked, answered := q.Messages[n-3].Content, q.Messages[n-4].Content, q.Messages[n-2].Content
	if len(results) != 3 || results[0].Content != "42" || results[1].Content != "2" || results[1].ID != "toolu_2" {
		t.Errorf("results %+v", results)
	}
	if asked[0].Thinking != "I need sums." || answered[0].Thinking != "Done." {
		t.Errorf("the thinking went back as %q and %q", asked[0].Thinking, answered[0].Thinking)
	}
	for i := 1; i < len(got); i++ {
		if !strings.HasPrefix(unmarked(string(got[i].Body)), strings.TrimSuffix(unmarked(string(got[i-1].Body)), "]}")) {
			t.Errorf("request %d does not begin with the one before", i+1)
		}
	}
}

// files: a picture and a document that somebody sends reach the model byte for byte.
func files(t *testing.T, l *kerneltest.Listener, s *api.Server) {
	s.Play(api.Answer{Blocks: []api.Block{api.Text("A dot and a page.")}})
	const dot = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
	const page = "JVBERi0xLjQKJeLjz9MKdHJhaWxlcjw8Pj4KJSVFT0YK"
	l.MustCall("chat.send", map[string]any{"sessionKey": "main", "message": "what is this?", "idempotencyKey": "files", "attachments": []any{
		map[string]any{"type": "image", "mimeType": "image/png", "fileName": "dot.png", "content": dot},
		map[string]any{"type": "file", "mimeType": "application/pdf", "fileName": "page.pdf", "content": page},
	}}, nil)
	if end := l.End("files"); end.State != "final" || kerneltest.Text(end.Message) != "A dot and a page." {
		t.Fatalf("%s: %s", end.State, end.ErrorMessage)
	}
	all := s.Requests()
	for _, want := range []string{
		`{"type":"image","source":{"type":"base64","media_type":"image/png","data":"` + dot + `"}`,
		`{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"` + page + `"}`,
	} {
		if got := string(all[len(all)-1].Body); !strings.Contains(got, want) {
			t.Errorf("the model was not shown %.80s: %.3000s", want, got)
		}
	}
}

// stopped: the connection is given up when the owner stops the run, and the next question is answered.
func stopped(t *testing.T, l *kerneltest.Listener, s *api.Server, up *kerneltest.Upstream) {
	s.Play(api.Answer{Blocks: []api.Block{api.Text("I begin and go on")}, After: 5, Hang: true})
	up.StoppedInTheMiddle(l, "I begin")
	s.Play(api.Answer{Blocks: []api.Block{api.Text("Here I am.")}})
	if got := l.Ask("again", "are you there?"); got != "Here I am." {
		t.Errorf("the answer is %q", got)
	}
}
