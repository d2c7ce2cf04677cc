package openai_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/carapace-gateway/carapace/builtin-plugins/openai/openaitest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
)

// TestResponsesGateway talks with the Responses API through a whole gateway: one after the other, in one conversation.
func TestResponsesGateway(t *testing.T) {
	t.Parallel()
	s := openaitest.New()
	up := kerneltest.NewUpstream(s)
	server := httptest.NewServer(up)
	t.Cleanup(server.Close)
	k := kerneltest.Start(t, kerneltest.Bundled(t, ".."), kerneltest.Compiled(t), kerneltest.Config(t, fmt.Sprintf(
		`{"agent":{"model":"openai/gpt-5.1"},"plugins":{"openai":{"config":{"baseUrl":%q,"api":"responses","reasoningSummary":true}}}}`, server.URL+"/v1")))
	l := k.Listen()
	key := func(value string) {
		l.MustCall("plugins.configure", map[string]any{"id": "openai", "secrets": map[string]string{"api_key": value}}, nil)
	}
	t.Run("a bad key", func(t *testing.T) {
		key("sk-wrong")
		l.Send("key", "hi")
		end := l.End("key")
		if end.State != "error" || !strings.Contains(end.ErrorMessage, "the key is not accepted; give the right one with `carapace setup openai`") || strings.Contains(end.ErrorMessage, "sk-") {
			t.Errorf("%s: %s", end.State, end.ErrorMessage)
		}
	})
	key(openaitest.Key)
	t.Run("tools", func(t *testing.T) { responsesTools(t, l, s) })
	t.Run("a picture", func(t *testing.T) { responsesPicture(t, l, s) })
	t.Run("stopped in the middle", func(t *testing.T) { responsesStopped(t, l, s, up) })
	t.Run("an error in the stream", func(t *testing.T) {
		s.Script(openaitest.Reply{Output: []openaitest.Output{{Text: []string{"I begin"}}}, Failed: true, Code: "server_error", Message: "The model caught fire."})
		l.Send("refused", "hi")
		if end := l.End("refused"); end.State != "error" || !strings.Contains(end.ErrorMessage, "caught fire") {
			t.Errorf("%s: %s", end.State, end.ErrorMessage)
		}
	})
	t.Run("a limit that passes", func(t *testing.T) {
		s.Script(openaitest.Reply{Status: 429, Code: "rate_limit_exceeded", Message: "Slow down.", Header: http.Header{"Retry-After-Ms": {"20"}}}, openaitest.Says("Here I am."))
		if got := l.Ask("limit", "hi"); got != "Here I am." {
			t.Errorf("the answer is %q", got)
		}
	})
}

// TestCompletionsStoppedInTheMiddle: so it is by the chat completions API.
func TestCompletionsStoppedInTheMiddle(t *testing.T) {
	t.Parallel()
	up := kerneltest.NewUpstream(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var asked json.RawMessage
		_ = json.NewDecoder(r.Body).Decode(&asked)
		w.Header().Set("Content-Type", "text/event-stream")
		fmt.Fprint(w, `data: {"choices":[{"index":0,"delta":{"role":"assistant","content":"I begin and go on"}}]}`+"\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}))
	server := httptest.NewServer(up)
	t.Cleanup(server.Close)
	k := kerneltest.Start(t, kerneltest.Bundled(t, ".."), kerneltest.Compiled(t), kerneltest.Config(t, fmt.Sprintf(
		`{"agent":{"model":"openai/gpt-4.1"},"plugins":{"openai":{"config":{"baseUrl":%q}}}}`, server.URL+"/v1")))
	l := k.Listen()
	l.MustCall("plugins.configure", map[string]any{"id": "openai", "secrets": map[string]string{"api_key": openaitest.Key}}, nil)
	up.StoppedInTheMiddle(l, "go on")
}

// responsesTools: three calls at once, one of them with long arguments, are made and answered; reasoning goes back as it
// came, which the server checks, and the beginning of each request is the one before.
func responsesTools(t *testing.T, l *kerneltest.Listener, s *openaitest.Server) {
	long := `{"expression":"1` + strings.Repeat("+1", 20_000) + `"}`
	s.Script(
		openaitest.Reply{Output: []openaitest.Output{
			{Summary: []string{"I need sums."}, Encrypted: "b25l"}, {Text: []string{"Let me ", "see. "}, Phase: "commentary"},
			{CallID: "c1", Name: "calc", Arguments: []string{`{"expr`, `ession":"6*7"}`}}, {CallID: "c2", Name: "calc", Arguments: []string{`{"expression":"1+1"}`}},
			{CallID: "c3", Name: "calc", Arguments: []string{long[:10_000], long[10_000:]}},
		}},
		openaitest.Reply{Output: []openaitest.Output{{Encrypted: "dHdv"}, {Text: []string{"42 ", "and 2."}}}},
		openaitest.Says("You are welcome."))
	if got := l.Ask("tools", "what is 6*7, and 1+1?"); !strings.Contains(got, "42 and 2.") {
		t.Errorf("the answer is %q", got)
	}
	if got := l.Ask("thanks", "thanks"); got != "You are welcome." {
		t.Errorf("the answer is %q", got)
	}
	got := s.Requests()
	if len(got) != 3 {
		t.Fatalf("%d requests", len(got))
	}
	results := map[string]string{}
	for _, item := range got[1].Parsed.Input {
		if item.Type == "function_call_output" {
			results[item.CallID] = string(item.Output)
		}
	}
	if len(results) != 3 || results["c1"] != `"42"` || results["c2"] != `"2"` {
		t.Errorf("results %q", results)
	}
	for i := 1; i < len(got); i++ {
		if !strings.HasPrefix(string(got[i].Body), strings.TrimSuffix(string(got[i-1].Body), "]}")) {
			t.Errorf("request %d does not begin with the one before", i+1)
		}
	}
}

// responsesPicture: a picture that somebody sends reaches the model byte for byte.
func responsesPicture(t *testing.T, l *kerneltest.Listener, s *openaitest.Server) {
	s.Script(openaitest.Says("A dot."))
	dot := "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
	l.MustCall("chat.send", map[string]any{"sessionKey": "main", "message": "what is this?", "idempotencyKey": "dot",
		"attachments": []any{map[string]any{"type": "image", "mimeType": "image/png", "fileName": "dot.png", "content": dot}}}, nil)
	if end := l.End("dot"); end.State != "final" || kerneltest.Text(end.Message) != "A dot." {
		t.Fatalf("%s: %s", end.State, end.ErrorMessage)
	}
	all := s.Requests()
	input := all[len(all)-1].Parsed.Input
	if last := string(input[len(input)-1].Content); !strings.Contains(last, "data:image/png;base64,"+dot) {
		t.Errorf("the model was shown %.300s", last)
	}
}

// responsesStopped: the connection is given up when the owner stops the run, and the conversation goes on.
func responsesStopped(t *testing.T, l *kerneltest.Listener, s *openaitest.Server, up *kerneltest.Upstream) {
	s.Script(openaitest.Reply{Output: []openaitest.Output{{Text: []string{"I begin ", "and go on"}}}, Hold: true})
	up.StoppedInTheMiddle(l, "go on")
	s.Script(openaitest.Says("Here I am."))
	if got := l.Ask("again", "are you there?"); got != "Here I am." {
		t.Errorf("the answer is %q", got)
	}
}
