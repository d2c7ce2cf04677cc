package mcp_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

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
	client := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil)
	web := k.HTTP()
	web.Transport = bearer{web.Transport, token}
	s, err := client.Connect(t.Context(), &mcp.StreamableClientTransport{Endpoint: "http://127.0.0.1/mcp", HTTPClient: web, MaxRetries: -1}, nil)
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
