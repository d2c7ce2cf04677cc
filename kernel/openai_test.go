package kernel_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/kerneltest/bubble"
	"github.com/carapace-gateway/carapace/kernel/service/chat"
	"github.com/carapace-gateway/carapace/wit"
)

// post sends JSON to a path with the gateway's token, and more headers.
func post(t *testing.T, ctx context.Context, k *kerneltest.Kernel, path, body string, headers ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, "POST", "http://127.0.0.1"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+kerneltest.Token)
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	res, err := k.HTTP().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

// posted is post for a JSON answer of this status.
func posted(t *testing.T, k *kerneltest.Kernel, status int, path, body string, headers ...string) map[string]any {
	t.Helper()
	res := post(t, t.Context(), k, path, body, headers...)
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil || res.StatusCode != status {
		t.Fatalf("%s %.300s: %d %s, want %d", path, body, res.StatusCode, text, status)
	}
	return out
}

// at reads a value of decoded JSON: at(v, "choices", 0, "message").
func at(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

// heardAll is what a model reads, a line for each turn.
func heardAll(c *wit.Chat) string {
	var b strings.Builder
	for _, turn := range c.Turns {
		b.WriteString(string(turn.Role))
		for _, p := range turn.Content {
			if p.Text != nil {
				b.WriteString(" " + *p.Text)
			} else {
				b.WriteString(" [" + string(p.Kind) + "]")
			}
		}
		for _, call := range turn.ToolCalls {
			b.WriteString(" " + call.Name + string(call.Args))
		}
		b.WriteString("\n")
	}
	return b.String()
}

// recorder is an offline provider that answers by fn and remembers what it was asked.
type recorder struct {
	mu    sync.Mutex
	chats []wit.Chat
}

func (r *recorder) provider(fn func(*wit.Chat) *wit.ProviderAnswer) kerneltest.Option {
	return kerneltest.Plugin(kerneltest.Provider("model", func(_ context.Context, c *wit.Chat) (*wit.ProviderAnswer, error) {
		r.note(c)
		return fn(c), nil
	}))
}

func (r *recorder) note(c *wit.Chat) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.chats = append(r.chats, *c)
}

func (r *recorder) last() wit.Chat {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.chats[len(r.chats)-1]
}

func hello(*wit.Chat) *wit.ProviderAnswer { return kerneltest.Says("Hello there.") }

func TestChatCompletion(t *testing.T) {
	t.Parallel()
	var r recorder
	k := kerneltest.Start(t, r.provider(hello))
	got := posted(t, k, 200, "/v1/chat/completions", `{"model":"carapace","temperature":0.5,"max_tokens":50,"messages":[
		{"role":"system","content":"Be kind."},{"role":"user","content":"one"},{"role":"assistant","content":"two"},
		{"role":"user","content":[{"type":"text","text":"three"}]}]}`)
	if got["object"] != "chat.completion" || at(got, "choices", 0, "message", "content") != "Hello there." ||
		at(got, "choices", 0, "finish_reason") != "stop" || at(got, "usage", "total_tokens") != 2.0 || got["model"] != "carapace" {
		t.Errorf("answer %v", got)
	}
	c := r.last()
	if said := heardAll(&c); said != "user one\nassistant two\nuser three\n" {
		t.Errorf("the model reads\n%s", said)
	}
	if !strings.HasSuffix(c.System, "\n\nBe kind.") || c.MaxTokens != 50 || c.Temperature == nil || *c.Temperature != 0.5 {
		t.Errorf("chat %+v", c)
	}
}

// TestChatCompletionSessions: a user's session has its history itself, and a request adds what is new in it.
func TestChatCompletionSessions(t *testing.T) {
	t.Parallel()
	var r recorder
	k := kerneltest.Start(t, r.provider(hello))
	ask := func(want, body string, headers ...string) {
		t.Helper()
		posted(t, k, 200, "/v1/chat/completions", body, headers...)
		if c := r.last(); heardAll(&c) != want {
			t.Errorf("after %s the model reads\n%s", body, heardAll(&c))
		}
	}
	const answered = "assistant Hello there.\n"
	ask("user a\n", `{"user":"Ann","messages":[{"role":"user","content":"a"}]}`)
	ask("user a\n"+answered+"user b\n", `{"user":"Ann","messages":[{"role":"user","content":"b"}]}`)
	ask("user a\n"+answered+"user b\n"+answered+"user c\n",
		`{"user":"Ann","messages":[{"role":"user","content":"a"},{"role":"assistant","content":"Hello there."},{"role":"user","content":"c"}]}`)
	ask("user d\n", `{"user":"ann","messages":[{"role":"user","content":"d"}]}`)
	ask("user e\n", `{"messages":[{"role":"user","content":"e"}]}`)
	ask("user f\n", `{"messages":[{"role":"user","content":"f"}]}`)
	for _, name := range []string{"X-Carapace-Session-Key", "X-OpenClaw-Session-Key"} {
		ask(map[bool]string{true: "user g\n", false: "user g\n" + answered + "user g\n"}[strings.HasPrefix(name, "X-Car")],
			`{"user":"Ann","messages":[{"role":"user","content":"g"}]}`, name, "main")
	}
	var h chat.History
	l := k.Listen()
	l.MustCall("chat.history", map[string]any{"sessionKey": "main"}, &h)
	if len(h.Messages) != 4 {
		t.Errorf("the main session has %+v", h.Messages)
	}
}

// events reads a stream of server-sent events to its end.
func sseData(t *testing.T, r io.Reader) (list []string) {
	t.Helper()
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			list = append(list, data)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestChatCompletionStream(t *testing.T) {
	t.Parallel()
	var r recorder
	k := kerneltest.Start(t, r.provider(hello))
	res := post(t, t.Context(), k, "/v1/chat/completions", `{"stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"hi"}]}`)
	if res.StatusCode != 200 || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	events := sseData(t, res.Body)
	text, finish := "", ""
	var usage any
	for _, e := range events[:len(events)-1] {
		var piece map[string]any
		if err := json.Unmarshal([]byte(e), &piece); err != nil || piece["object"] != "chat.completion.chunk" {
			t.Fatalf("%s: %v", e, err)
		}
		if s, ok := at(piece, "choices", 0, "delta", "content").(string); ok {
			text += s
		}
		if s, ok := at(piece, "choices", 0, "finish_reason").(string); ok {
			finish = s
		}
		if _, has := piece["usage"]; !has {
			t.Errorf("%s says nothing of usage", e)
		}
		usage = piece["usage"]
	}
	if text != "Hello there." || finish != "stop" || at(usage, "total_tokens") != 2.0 || events[len(events)-1] != "[DONE]" {
		t.Errorf("events %q", events)
	}
}

// weather has the model call a tool of the client's, once.
func weather(c *wit.Chat) *wit.ProviderAnswer {
	if last := c.Turns[len(c.Turns)-1]; last.Role == wit.RoleTool {
		return kerneltest.Says("It is " + kerneltest.Heard(c) + ".")
	}
	return &wit.ProviderAnswer{
		ToolCalls: []wit.ToolCall{{ID: "call_1", Name: "weather", Args: wit.JSON(`{"city":"Bern"}`)}},
		Stop:      new(wit.StopReasonToolCalls), Usage: &wit.Usage{Input: 3, Output: 4},
	}
}

const weatherTool = `"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object"}}}]`

// TestChatCompletionTools: the calls of a client's tool are given to it, and the conversation goes on with their results,
// in the session of a user and in a request that says everything anew.
func TestChatCompletionTools(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, first, second string }{
		{"session", `{"user":"u",` + weatherTool + `,"messages":[{"role":"user","content":"weather?"}]}`,
			`{"user":"u",` + weatherTool + `,"messages":[{"role":"tool","tool_call_id":"call_1","content":"sunny"}]}`},
		{"stateless", `{` + weatherTool + `,"messages":[{"role":"user","content":"weather?"}]}`,
			`{` + weatherTool + `,"messages":[{"role":"user","content":"weather?"},{"role":"assistant","content":null,"tool_calls":[
			{"id":"call_1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Bern\"}"}}]},{"role":"tool","tool_call_id":"call_1","content":"sunny"}]}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var r recorder
			k := kerneltest.Start(t, r.provider(weather), kerneltest.Plugin(kerneltest.Tool("other", nil)))
			got := posted(t, k, 200, "/v1/chat/completions", c.first)
			call := at(got, "choices", 0, "message", "tool_calls", 0)
			if at(got, "choices", 0, "finish_reason") != "tool_calls" || at(call, "id") != "call_1" || at(call, "function", "name") != "weather" ||
				at(call, "function", "arguments") != `{"city":"Bern"}` || at(got, "choices", 0, "message", "content") != nil || at(got, "usage", "total_tokens") != 7.0 {
				t.Fatalf("answer %v", got)
			}
			if first := r.last(); len(first.Tools) != 2 {
				t.Errorf("tools %+v", first.Tools)
			}
			got = posted(t, k, 200, "/v1/chat/completions", c.second)
			if at(got, "choices", 0, "message", "content") != "It is sunny." {
				t.Errorf("answer %v", got)
			}
			last := r.last()
			if want := "user weather?\nassistant weather{\"city\":\"Bern\"}\ntool sunny\n"; heardAll(&last) != want {
				t.Errorf("the model reads\n%s", heardAll(&last))
			}
		})
	}
}

func TestChatCompletionStreamsCalls(t *testing.T) {
	t.Parallel()
	var r recorder
	k := kerneltest.Start(t, r.provider(weather))
	res := post(t, t.Context(), k, "/v1/chat/completions", `{"stream":true,`+weatherTool+`,"messages":[{"role":"user","content":"weather?"}]}`)
	all := strings.Join(sseData(t, res.Body), "\n")
	for _, want := range []string{`"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"weather","arguments":""}}]`,
		`"arguments":"{\"city\":\"Bern\"}"`, `"finish_reason":"tool_calls"`} {
		if !strings.Contains(all, want) {
			t.Errorf("%s is missing in\n%s", want, all)
		}
	}
}

func TestChatCompletionToolChoice(t *testing.T) {
	t.Parallel()
	var r recorder
	k := kerneltest.Start(t, r.provider(hello), kerneltest.Plugin(kerneltest.Tool("other", nil)))
	posted(t, k, 200, "/v1/chat/completions", `{"tool_choice":"none",`+weatherTool+`,"messages":[{"role":"user","content":"x"}]}`)
	if c := r.last(); len(c.Tools) != 0 {
		t.Errorf("tools %+v", c.Tools)
	}
	posted(t, k, 200, "/v1/chat/completions", `{"tool_choice":{"type":"function","function":{"name":"weather"}},`+weatherTool+`,"messages":[{"role":"user","content":"x"}]}`)
	if c := r.last(); !strings.Contains(c.System, "calling the tool weather") {
		t.Errorf("system %q", c.System)
	}
}

// pixel is a PNG.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

func TestChatCompletionPictures(t *testing.T) {
	t.Parallel()
	var r recorder
	k := kerneltest.Start(t, r.provider(hello))
	posted(t, k, 200, "/v1/chat/completions", `{"messages":[{"role":"user","content":[{"type":"text","text":"what?"},{"type":"image_url","image_url":{"url":"data:image/png;base64,`+pixel+`"}}]}]}`)
	l := k.Listen()
	var list struct{ Sessions []struct{ Key string } }
	l.MustCall("sessions.list", nil, &list)
	var h chat.History
	l.MustCall("chat.history", map[string]any{"sessionKey": list.Sessions[0].Key}, &h)
	if !slices.ContainsFunc(h.Messages[0].Content, func(c chat.Content) bool { return c.MimeType == "image/png" && c.Media != "" }) {
		t.Errorf("history %+v", h.Messages[0])
	}
}

// TestChatCompletionRefusals: what cannot be is refused in the API's words.
func TestChatCompletionRefusals(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo")))
	user := `"messages":[{"role":"user","content":"x"}]`
	for body, want := range map[string]string{
		``:                               "400 invalid_request_error",
		`[]`:                             "400 invalid_request_error",
		`{"messages":7}`:                 "400 invalid_request_error",
		`{}`:                             "400 invalid_request_error messages",
		`{"messages":[{"role":"user"}]}`: "400 invalid_request_error messages",
		`{"messages":[{"role":"king","content":"x"}]}`:                                                             "400 invalid_request_error messages[0].role",
		`{"messages":[{"role":"user","content":7}]}`:                                                               "400 invalid_request_error messages[0].content",
		`{"messages":[{"role":"tool","content":"x"}]}`:                                                             "400 invalid_request_error messages[0].tool_call_id",
		`{"messages":[{"role":"assistant","content":"x"}]}`:                                                        "400 invalid_request_error messages",
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://127.0.0.1/x"}}]}]}`: "400 invalid_request_error messages[0].content[0]",
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,` +
			base64.StdEncoding.EncodeToString([]byte("no picture")) + `"}}]}]}`: "400 invalid_request_error messages[0].content[0]",
		`{"n":2,` + user + `}`: "400 invalid_request_error n",
		`{"response_format":{"type":"json_object"},` + user + `}`:                "400 invalid_request_error response_format",
		`{"model":"none/such",` + user + `}`:                                     "404 invalid_request_error model",
		`{"model":"carapace/nobody",` + user + `}`:                               "404 invalid_request_error model",
		`{"tool_choice":"required",` + user + `}`:                                "400 invalid_request_error tool_choice",
		`{"tools":[{"type":"function","function":{"name":"a b"}}],` + user + `}`: "400 invalid_request_error tools[0]",
		`{"tools":[{"type":"web_search"}],` + user + `}`:                         "400 invalid_request_error tools[0]",
	} {
		res := post(t, t.Context(), k, "/v1/chat/completions", body)
		var got struct {
			Error struct {
				Message, Type string
				Param         *string
			}
		}
		err := json.NewDecoder(res.Body).Decode(&got)
		said := fmt.Sprint(res.StatusCode, " ", got.Error.Type)
		if got.Error.Param != nil {
			said += " " + *got.Error.Param
		}
		if err != nil || said != want || got.Error.Message == "" || res.Header.Get("X-Should-Retry") != "false" {
			t.Errorf("%.200s: %s (%+v, %v), want %s", body, said, got.Error, err, want)
		}
	}
}

// TestChatCompletionWho: only who knows the token may ask, no page of another origin, and by POST.
func TestChatCompletionWho(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo")))
	body := `{"messages":[{"role":"user","content":"x"}]}`
	posted(t, k, 401, "/v1/chat/completions", body, "Authorization", "Bearer wrong")
	posted(t, k, 403, "/v1/chat/completions", body, "Origin", "https://evil.example")
	posted(t, k, 200, "/v1/chat/completions", body, "Origin", "http://127.0.0.1")
	if res, _ := k.Exchange("GET", "/v1/chat/completions", nil); res.StatusCode != 405 || res.Header.Get("Allow") != "POST" {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
}

// TestChatCompletionDisconnect: the run of a client that goes away is stopped.
func TestChatCompletionDisconnect(t *testing.T) {
	t.Parallel()
	asked := make(chan struct{})
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Provider("slow", func(ctx context.Context, _ *wit.Chat) (*wit.ProviderAnswer, error) {
		close(asked)
		<-ctx.Done()
		return nil, wit.NewError(wit.CodeTimeout, "given up")
	})))
	l := k.Listen()
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		r, _ := http.NewRequestWithContext(ctx, "POST", "http://127.0.0.1/v1/chat/completions", strings.NewReader(`{"stream":true,"messages":[{"role":"user","content":"x"}]}`))
		r.Header.Set("Authorization", "Bearer "+kerneltest.Token)
		if res, err := k.HTTP().Do(r); err == nil {
			_ = res.Body.Close()
		}
	}()
	<-asked
	cancel()
	<-gone
	l.Until("the run is stopped", func(events []kerneltest.Event) bool {
		return slices.ContainsFunc(events, func(e kerneltest.Event) bool {
			var c chat.Event
			return e.Name == "chat" && json.Unmarshal(e.Payload, &c) == nil && c.State == "aborted"
		})
	})
}

// TestChatCompletionOnce: a request with a key is one run, however often it is sent.
func TestChatCompletionOnce(t *testing.T) {
	t.Parallel()
	var r recorder
	k := kerneltest.Start(t, r.provider(hello))
	var ids []any
	for range 3 {
		got := posted(t, k, 200, "/v1/chat/completions", `{"messages":[{"role":"user","content":"x"}]}`, "Idempotency-Key", "k1")
		ids = append(ids, got["id"])
	}
	if len(r.chats) != 1 || ids[0] != ids[2] {
		t.Errorf("asked %d times: %v", len(r.chats), ids)
	}
}

// TestChatCompletionTakesItsTime: an answer may take longer than a request may take to arrive, and who reads a stream is shown
// meanwhile that it goes on.
func TestChatCompletionTakesItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Provider("slow", func(ctx context.Context, _ *wit.Chat) (*wit.ProviderAnswer, error) {
			select {
			case <-time.After(8 * time.Second):
			case <-ctx.Done():
				return nil, wit.NewError(wit.CodeTimeout, "given up")
			}
			return &wit.ProviderAnswer{ToolCalls: []wit.ToolCall{{ID: "c", Name: "wait", Args: wit.JSON("{}")}}, Stop: new(wit.StopReasonToolCalls)}, nil
		}), kerneltest.Tool("wait", func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
			return &wit.ToolOutput{}, nil
		})))
		bubble.Limit(t)
		for _, stream := range []string{"false", "true"} {
			res := post(t, t.Context(), k, "/v1/chat/completions", `{"stream":`+stream+`,"messages":[{"role":"user","content":"x"}]}`)
			text, err := io.ReadAll(res.Body)
			if err != nil || !strings.Contains(string(text), "25 times without answering") || stream == "true" && !strings.HasPrefix(string(text), "data: ") {
				t.Errorf("after %v: %d %s %v", stream, res.StatusCode, text, err)
			}
		}
	})
}

func TestModelsOverHTTP(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Plugin(kerneltest.Echo("echo")))
	get := func(path string) map[string]any {
		_, text := k.Exchange("GET", path, nil)
		var out map[string]any
		if err := json.Unmarshal([]byte(text), &out); err != nil {
			t.Fatal(err)
		}
		return out
	}
	var ids []any
	list, _ := get("/v1/models")["data"].([]any)
	for _, m := range list {
		ids = append(ids, at(m, "id"))
	}
	if fmt.Sprint(ids) != "[carapace carapace/main echo/model]" {
		t.Errorf("models %v", ids)
	}
	if m := get("/v1/models/echo%2Fmodel"); m["id"] != "echo/model" || m["object"] != "model" {
		t.Errorf("model %v", m)
	}
	if m := get("/v1/models/none"); at(m, "error", "type") != "invalid_request_error" {
		t.Errorf("model %v", m)
	}
}
