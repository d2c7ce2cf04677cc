// Package mcp_test drives the gateway with the official MCP client for TypeScript, as it is published.
package mcp_test

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/carapace-gateway/carapace/kernel"
	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/wit"
)

// tool is one that says text.
func tool(name string, effect wit.Effect, fn func(context.Context, *wit.ToolInvocation) string) plugintest.Fake {
	f := kerneltest.Tool(name, func(ctx context.Context, c *wit.ToolInvocation) (*wit.ToolOutput, error) {
		text := fn(ctx, c)
		return &wit.ToolOutput{Content: []wit.Part{{Kind: wit.PartKindText, Text: &text}}, Failed: strings.Contains(text, "fail")}, nil
	})
	f.Manifest.Provides.Tools[0].Effects = []wit.Effect{effect}
	return f
}

func TestNode(t *testing.T) {
	if _, err := os.Stat("node_modules/@modelcontextprotocol/sdk"); err != nil {
		t.Fatal("the library is not here: npm ci --prefix .ci/mcp")
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var waits atomic.Int32
	gone := make(chan struct{})
	kerneltest.Start(t, kerneltest.Config(t, `{"agent":{"approve":["writes"]}}`), func(o *kernel.Options) { o.Listener = ln }, kerneltest.Plugin(
		tool("say", wit.EffectReads, func(_ context.Context, c *wit.ToolInvocation) string {
			if strings.Contains(string(c.Args), "waits") {
				return fmt.Sprint(waits.Load(), " waits")
			}
			return c.Context.Session + " " + string(c.Args)
		}),
		tool("write", wit.EffectWrites, func(context.Context, *wit.ToolInvocation) string { return "written" }),
		tool("wait", wit.EffectReads, func(ctx context.Context, _ *wit.ToolInvocation) string {
			waits.Add(1)
			<-ctx.Done()
			close(gone)
			return "over"
		})))
	out, err := exec.CommandContext(t.Context(), "node", "client.mjs", "http://"+ln.Addr().String()+"/mcp", kerneltest.Token).CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-gone:
	case <-time.After(time.Minute):
		t.Error("the tool was not told that nobody waits for it")
	}
}
