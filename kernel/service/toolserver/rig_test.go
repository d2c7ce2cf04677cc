package toolserver_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/service/toolserver"
	"github.com/carapace-gateway/carapace/wit"
)

// asProgram is the variable by which this test's own binary is a server that is started.
const asProgram = "TOOLSERVER_AS"

func TestMain(m *testing.M) {
	switch as := os.Getenv(asProgram); as {
	case "":
		os.Exit(m.Run())
	case "server":
		err := newLab().Run(context.Background(), &mcp.StdioTransport{})
		fmt.Fprintln(os.Stderr, err)
	case "noise":
		for range 10 << 20 >> 10 {
			fmt.Print(strings.Repeat("x", 1<<10))
		}
		fmt.Scanln()
	default:
		fmt.Fprintln(os.Stderr, "no configuration was found for "+as)
		os.Exit(3)
	}
}

func object() map[string]any { return map[string]any{"type": "object"} }

type handler = func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error)

func texts(list ...string) *mcp.CallToolResult {
	res := &mcp.CallToolResult{}
	for _, text := range list {
		res.Content = append(res.Content, &mcp.TextContent{Text: text})
	}
	return res
}

// newLab is a server with a tool of each kind, by the official library.
func newLab() *mcp.Server {
	s := mcp.NewServer(&mcp.Implementation{Name: "lab", Version: "1.2.3"}, nil)
	add := func(name string, a *mcp.ToolAnnotations, fn handler) {
		s.AddTool(&mcp.Tool{Name: name, Description: "does " + name, InputSchema: object(), Annotations: a}, fn)
	}
	reads, no := &mcp.ToolAnnotations{ReadOnlyHint: true}, false
	add("echo", reads, func(_ context.Context, q *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return texts(string(q.Params.Arguments)), nil
	})
	add("files.read", reads, func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) { return texts("dotted"), nil })
	add("destroy", nil, func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return texts("destroyed"), nil
	})
	add("append", &mcp.ToolAnnotations{DestructiveHint: &no, OpenWorldHint: &no}, func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return texts("appended"), nil
	})
	add("draw", reads, func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return &mcp.CallToolResult{Content: []mcp.Content{
			&mcp.ImageContent{MIMEType: "image/png", Data: picture()}, &mcp.ResourceLink{Name: "plan", URI: "file:///plan"},
			&mcp.EmbeddedResource{Resource: &mcp.ResourceContents{URI: "file:///a/note.bin", MIMEType: "application/octet-stream", Blob: []byte{1, 2}}},
			&mcp.EmbeddedResource{Resource: &mcp.ResourceContents{URI: "file:///b", Text: "words"}},
		}}, nil
	})
	add("structured", reads, func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return &mcp.CallToolResult{StructuredContent: map[string]any{"n": 1}}, nil
	})
	add("bad", reads, func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		res := texts("no such row")
		res.IsError = true
		return res, nil
	})
	add("environment", reads, func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		return texts(strings.Join(os.Environ(), "\n")), nil
	})
	add("die", reads, func(context.Context, *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
		fmt.Fprintln(os.Stderr, "something went very wrong")
		os.Exit(7)
		return nil, nil
	})
	return s
}

// picture is a PNG of one pixel.
func picture() []byte {
	b, _ := base64.StdEncoding.DecodeString("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
	return b
}

// listening is a server on loopback, and what its requests are shown to first.
func listening(t *testing.T, s *mcp.Server, see func(*http.Request)) string {
	t.Helper()
	h := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s }, &mcp.StreamableHTTPOptions{DisableLocalhostProtection: true})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if see != nil {
			see(r)
		}
		h.ServeHTTP(w, r)
	}))
	t.Cleanup(func() {
		web.CloseClientConnections()
		web.Close()
	})
	return web.URL
}

// rig is a gateway with servers, and its owner.
type rig struct {
	*testing.T
	k *kerneltest.Kernel
	*kerneltest.Listener
}

// servers starts a gateway with these settings of servers.
func servers(t *testing.T, settings map[string]any, options ...kerneltest.Option) *rig {
	t.Helper()
	text, err := json.Marshal(map[string]any{"mcp": map[string]any{"servers": settings}})
	if err != nil {
		t.Fatal(err)
	}
	k := kerneltest.Start(t, append(options, kerneltest.Config(t, string(text)))...)
	return &rig{t, k, k.Listen()}
}

// test has a server looked at.
func (r *rig) test(name string) (s toolserver.Server) {
	r.Helper()
	r.MustCall("mcp.test", toolserver.NameParams{Name: name}, &s)
	return s
}

// ready waits until a server has been connected to.
func (r *rig) ready(name string) toolserver.Server {
	r.Helper()
	s := r.test(name)
	if s.State != "ready" {
		r.Fatalf("%s: %+v", name, s)
	}
	return s
}

// status is how a server is.
func (r *rig) status(name string) toolserver.Server {
	r.Helper()
	var all toolserver.StatusResult
	r.MustCall("mcp.status", nil, &all)
	for _, s := range all.Servers {
		if s.Name == name {
			return s
		}
	}
	return toolserver.Server{}
}

// answer is what /tools/invoke answers.
type answer struct {
	OK     bool
	Result struct{ Content []wit.Part }
	Error  struct{ Type, Message string }
}

func (a answer) text() string {
	var all []string
	for _, p := range a.Result.Content {
		if p.Text != nil {
			all = append(all, *p.Text)
		}
	}
	return strings.Join(all, "|")
}

// invoke calls a tool as a program does.
func (r *rig) invoke(ctx context.Context, tool string, args any) (a answer) {
	r.Helper()
	body, err := json.Marshal(map[string]any{"tool": tool, "args": args})
	if err != nil {
		r.Fatal(err)
	}
	q, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://127.0.0.1/tools/invoke", bytes.NewReader(body))
	if err != nil {
		r.Fatal(err)
	}
	q.Header.Set("Authorization", "Bearer "+kerneltest.Token)
	res, err := r.k.HTTP().Do(q)
	if err != nil {
		return answer{}
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&a); err != nil {
		r.Fatal(err)
	}
	return a
}

// patience is how long a test waits for what has to happen.
const patience = time.Minute
