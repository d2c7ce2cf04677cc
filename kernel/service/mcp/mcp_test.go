package mcp_test

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/wit"
)

// bearer adds the gateway's token to requests.
type bearer struct {
	http.RoundTripper
	token string
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.token)
	return b.RoundTripper.RoundTrip(r)
}

// repeater is a tool that says for which session and with what it was called, and fails on demand.
func repeater(name string, effects ...wit.Effect) plugintest.Fake {
	f := kerneltest.Tool(name, func(_ context.Context, c *wit.ToolInvocation) (*wit.ToolOutput, error) {
		text := c.Context.Session + " " + string(c.Args)
		return &wit.ToolOutput{Content: []wit.Part{{Kind: wit.PartKindText, Text: &text}}, Failed: strings.Contains(text, "fail")}, nil
	})
	f.Manifest.Provides.Tools[0].Effects = effects
	return f
}

// connect is the protocol's own client at a kernel.
func connect(t *testing.T, k *kerneltest.Kernel, token string) (*mcp.ClientSession, error) {
	return connectBy(t, k, token, "")
}

// connectBy is connect with a version of the protocol; "" is the newest.
func connectBy(t *testing.T, k *kerneltest.Kernel, token, version string) (*mcp.ClientSession, error) {
	return connectWith(t, k, token, version, nil)
}

// connectWith is connectBy with what the client does when it is told something.
func connectWith(t *testing.T, k *kerneltest.Kernel, token, version string, o *mcp.ClientOptions) (*mcp.ClientSession, error) {
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, o)
	web := k.HTTP()
	web.Transport = bearer{web.Transport, token}
	s, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: "http://127.0.0.1/mcp", HTTPClient: web, MaxRetries: -1}, &mcp.ClientSessionOptions{ProtocolVersion: version})
	if err == nil {
		t.Cleanup(func() { _ = s.Close() })
	}
	return s, err
}

// said calls a tool and returns the text of its result.
func said(t *testing.T, s *mcp.ClientSession, name string, args any) (text string, failed bool) {
	t.Helper()
	res, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: name, Arguments: args})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range res.Content {
		if c, ok := c.(*mcp.TextContent); ok {
			text += c.Text
		}
	}
	return text, res.IsError
}

// TestServer: the protocol's own client finds the tools and calls them, under the approvals of a model's calls.
func TestServer(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Config(t, `{"agent":{"approve":["writes"]}}`),
		kerneltest.Plugin(repeater("say", wit.EffectReads), repeater("write", wit.EffectWrites)))
	s, err := connect(t, k, kerneltest.Token)
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	reads := map[string]bool{}
	for _, tool := range list.Tools {
		reads[tool.Name] = tool.Annotations.ReadOnlyHint
	}
	if len(reads) != 2 || !reads["say"] || reads["write"] {
		t.Errorf("tools %v", reads)
	}
	if text, failed := said(t, s, "say", map[string]any{"a": 1}); failed || text != `agent:main:main {"a":1}` {
		t.Errorf("%q %v", text, failed)
	}
	if text, failed := said(t, s, "say", nil); failed || text != `agent:main:main {}` {
		t.Errorf("%q %v", text, failed)
	}
	if text, failed := said(t, s, "say", map[string]any{"a": "fail"}); !failed {
		t.Errorf("%q is no failure", text)
	}
	if text, failed := said(t, s, "write", nil); !failed || !strings.Contains(text, "somebody has to approve it") {
		t.Errorf("%q %v", text, failed)
	}
	if _, err := s.CallTool(t.Context(), &mcp.CallToolParams{Name: "none"}); err == nil {
		t.Error("a tool that there is not was called")
	}
}

func TestStranger(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Plugin(repeater("say", wit.EffectReads)))
	if _, err := connect(t, k, "wrong"); err == nil {
		t.Error("a stranger was let in")
	}
}

// TestSession: the protocol's own client gets a session by the versions that have them, makes calls in it, and ends it.
func TestSession(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Plugin(repeater("say", wit.EffectReads)))
	for _, version := range []string{"2025-03-26", "2025-06-18", "2025-11-25"} {
		s, err := connectBy(t, k, kerneltest.Token, version)
		if err != nil {
			t.Fatal(err)
		}
		id := s.ID()
		if list, err := s.ListTools(t.Context(), nil); err != nil || len(list.Tools) != 1 || id == "" {
			t.Errorf("%s: session %q: %+v %v", version, id, list, err)
		}
		if text, failed := said(t, s, "say", nil); failed || text != `agent:main:main {}` {
			t.Errorf("%q %v", text, failed)
		}
		other, err := connectBy(t, k, kerneltest.Token, version)
		if err != nil || other.ID() == id {
			t.Errorf("another client has %q too: %v", id, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if status, _, _ := post(t, k, list, "Mcp-Session-Id", id); status != 404 {
			t.Errorf("a session that has ended: %d", status)
		}
		if text, failed := said(t, other, "say", nil); failed || text == "" {
			t.Errorf("the other one ended too: %q", text)
		}
	}
	s, err := connect(t, k, kerneltest.Token)
	if err != nil || s.ID() != "" {
		t.Errorf("the newest version has session %q: %v", s.ID(), err)
	}
}

// TestToolsThatChange: the protocol's own client is told when there are other tools than it knows, also of what changed while it
// had no stream, and the stream ends when the gateway stops.
func TestToolsThatChange(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Plugin(repeater("say", wit.EffectReads), repeater("write", wit.EffectWrites)))
	told := make(chan struct{}, 8)
	s, err := connectWith(t, k, kerneltest.Token, "2025-11-25", &mcp.ClientOptions{
		ToolListChangedHandler: func(context.Context, *mcp.ToolListChangedRequest) { told <- struct{}{} },
	})
	if err != nil {
		t.Fatal(err)
	}
	if !s.InitializeResult().Capabilities.Tools.ListChanged {
		t.Error("the client is not told that it is told")
	}
	tools := func() (names []string) {
		list, err := s.ListTools(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, tool := range list.Tools {
			names = append(names, tool.Name)
		}
		return names
	}
	if got := tools(); len(got) != 2 {
		t.Errorf("tools %q", got)
	}
	wait := func(c <-chan struct{}) {
		t.Helper()
		select {
		case <-c:
		case <-time.After(kerneltest.Patience):
			t.Fatal("nothing is told")
		}
	}
	_, id, _ := post(t, k, hello) // another one, which has no stream yet
	post(t, k, list, "Mcp-Session-Id", id)
	if err := k.Dial().Call(t.Context(), "plugins.setEnabled", map[string]any{"pluginId": "say", "enabled": false}, nil); err != nil {
		t.Fatal(err)
	}
	wait(told)
	if got := tools(); len(got) != 1 || got[0] != "write" {
		t.Errorf("tools %q", got)
	}
	first, lines := listen(t, k, id)
	if got := <-lines; !strings.Contains(got, "notifications/tools/list_changed") {
		t.Errorf("told %q", got)
	}
	_, again := listen(t, k, id)
	wait(first) // the later stream has taken its place
	if got := <-again; got != ":" {
		t.Errorf("told %q a second time", got)
	}
}

// listen opens a session's stream, and returns what is closed when it has ended, and its lines that are not empty.
func listen(t *testing.T, k *kerneltest.Kernel, id string) (ended chan struct{}, lines chan string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://127.0.0.1/mcp", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+kerneltest.Token)
	req.Header.Set("Mcp-Session-Id", id)
	res, err := k.HTTP().Do(req)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%v %v", res, err)
	}
	ended, lines = make(chan struct{}), make(chan string, 100)
	go func() {
		defer close(ended)
		defer res.Body.Close()
		for s := bufio.NewScanner(res.Body); s.Scan(); {
			if line := s.Text(); line == ":" || strings.HasPrefix(line, "data:") {
				lines <- line
			}
		}
	}()
	return ended, lines
}

// Messages that clients send.
const (
	hello = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`
	list  = `{"jsonrpc":"2.0","id":2,"method":"tools/list"}`
	call  = `{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"say","arguments":{}}}`
)

// post sends a message and returns the status, the session and the body of the answer.
func post(t *testing.T, k *kerneltest.Kernel, message string, headers ...string) (status int, id, body string) {
	return send(t, k, "POST", message, headers...)
}

func send(t *testing.T, k *kerneltest.Kernel, method, message string, headers ...string) (status int, id, body string) {
	t.Helper()
	headers = append([]string{"Content-Type", "application/json", "Accept", "application/json, text/event-stream"}, headers...)
	res, body := k.Exchange(method, "/mcp", strings.NewReader(message), headers...)
	return res.StatusCode, res.Header.Get("Mcp-Session-Id"), body
}

// TestSessionOverHTTP is what clients see that name their sessions in ways of their own.
func TestSessionOverHTTP(t *testing.T) {
	t.Parallel()
	k := kerneltest.Start(t, kerneltest.Plugin(repeater("say", wit.EffectReads)))
	const header, key = "Mcp-Session-Id", "X-Carapace-Session-Key"
	status, id, body := post(t, k, hello, key, "agent:main:side")
	if status != 200 || len(id) < 20 || !strings.Contains(body, `"carapace"`) {
		t.Fatalf("%d %q %s", status, id, body)
	}
	if _, _, body := post(t, k, call, header, id); !strings.Contains(body, "agent:main:side {}") {
		t.Errorf("the session is for another conversation: %s", body)
	}
	for name, c := range map[string]struct {
		method, message string
		headers         []string
		status          int
	}{
		"in the session":           {"POST", list, []string{header, id}, 200},
		"without one":              {"POST", list, nil, 200},
		"the same conversation":    {"POST", list, []string{header, id, key, "agent:main:side"}, 200},
		"another conversation":     {"POST", list, []string{header, id, key, "main"}, 409},
		"unknown":                  {"POST", list, []string{header, "AAAAAAAAAAAAAAAAAAAAAAAAAA"}, 404},
		"unknown, and begun":       {"POST", hello, []string{header, "x"}, 404},
		"huge":                     {"POST", list, []string{header, strings.Repeat("x", 5000)}, 404},
		"a stream of nothing":      {"GET", "", nil, 400},
		"a stream of what is none": {"GET", "", []string{header, "x"}, 404},
		"a stranger's stream":      {"GET", "", []string{header, id, "Authorization", "Bearer wrong"}, 401},
		"another method":           {"PUT", list, []string{header, id}, 405},
		"an end of nothing":        {"DELETE", "", nil, 400},
		"an end of what is none":   {"DELETE", "", []string{header, "x"}, 404},
		"a stranger's end":         {"DELETE", "", []string{header, id, "Authorization", "Bearer wrong"}, 401},
		"a stranger's beginning":   {"POST", hello, []string{"Authorization", "Bearer wrong"}, 401},
		"what is no JSON":          {"POST", "{", []string{header, id}, 400},
		"not read by the client":   {"POST", hello, []string{"Accept", "text/html"}, 400},
	} {
		if status, got, body := send(t, k, c.method, c.message, c.headers...); status != c.status || got != "" {
			t.Errorf("%s: %d, session %q, %s", name, status, got, body)
		}
	}
	if status, _, _ := send(t, k, "DELETE", "", header, id); status != 204 {
		t.Errorf("its end: %d", status)
	}
	if status, _, body := post(t, k, list, header, id); status != 404 || !strings.Contains(body, "initialize") {
		t.Errorf("after its end: %d %s", status, body)
	}
}

// TestSessionEndsCalls: a call that is under way ends with its session, and when the client says that it waits no longer.
func TestSessionEndsCalls(t *testing.T) {
	t.Parallel()
	began, ended := make(chan struct{}, 1), make(chan struct{}, 1)
	f := kerneltest.Tool("say", func(ctx context.Context, _ *wit.ToolInvocation) (*wit.ToolOutput, error) {
		began <- struct{}{}
		<-ctx.Done()
		ended <- struct{}{}
		return nil, ctx.Err()
	})
	k := kerneltest.Start(t, kerneltest.Plugin(f))
	for name, end := range map[string]func(id string) int{
		"DELETE": func(id string) int {
			status, _, _ := send(t, k, "DELETE", "", "Mcp-Session-Id", id)
			return status
		},
		"cancelled": func(id string) int {
			status, _, _ := post(t, k, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"a"}}`, "Mcp-Session-Id", id)
			return status
		},
	} {
		_, id, _ := post(t, k, hello)
		done := make(chan int, 1)
		go func() {
			status, _, _ := post(t, k, call, "Mcp-Session-Id", id)
			done <- status
		}()
		<-began
		if status, _, _ := post(t, k, `{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"b"}}`, "Mcp-Session-Id", id); status != 202 {
			t.Errorf("%s: another request: %d", name, status)
		}
		if status := end(id); status >= 300 {
			t.Errorf("%s: %d", name, status)
		}
		select {
		case <-ended:
		case <-time.After(kerneltest.Patience):
			t.Fatalf("%s: the call goes on", name)
		}
		<-done
	}
}
