package kernel_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/carapace-gateway/carapace/kernel/kerneltest"
	"github.com/carapace-gateway/carapace/kernel/logs"
	"github.com/carapace-gateway/carapace/kernel/plugin"
	"github.com/carapace-gateway/carapace/kernel/plugin/plugintest"
	"github.com/carapace-gateway/carapace/wit"
)

// clumsy is a tool that fails as its argument says.
func clumsy() plugintest.Fake {
	f := kerneltest.Tool("clumsy", nil)
	f.Exports["tool_invoke"] = func(ctx context.Context, in []byte) ([]byte, error) {
		var call struct{ Args struct{ Do string } }
		if err := json.Unmarshal(in, &call); err != nil {
			return nil, err
		}
		switch call.Args.Do {
		case "throw":
			return nil, errors.New("boom with " + kerneltest.Token)
		case "trap":
			panic("trapped")
		case "babble":
			return []byte(`{"content":"x"}`), nil
		case "refused":
			return plugintest.CallHost(ctx, "kv_put", []byte(`{"key":"a","value":"b"}`))
		case "carry on":
			_, _ = plugintest.CallHost(ctx, "emit_publish", []byte(`{"name":"a","payload":{}}`))
			return []byte(`{"content":[]}`), nil
		}
		return nil, wit.NewError(wit.Code(call.Args.Do), "an answer")
	}
	return f
}

// linesOf are what a plugin has in the log, as people read it.
func linesOf(t *testing.T, k *kerneltest.Kernel, id string) (lines []string) {
	t.Helper()
	synctest.Wait()
	for _, text := range k.Logged() {
		line, ok := logs.ParseLine(text)
		if !ok {
			t.Fatalf("no line of the log: %s", text)
		}
		if line.From() == "plugin."+id || line.From() == "gateway" && strings.Contains(line.Text, "request failed") {
			lines = append(lines, line.String())
		}
	}
	return lines
}

// TestFaultsOfAPlugin are in the log once, under its name and without secrets, and answers are not.
func TestFaultsOfAPlugin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := kerneltest.Start(t, kerneltest.Plugin(clumsy()))
		l := k.Listen()
		for _, c := range []struct {
			do, level, want string // want is part of one line; empty is none
		}{
			{"throw", "ERROR", "tool_invoke failed: plugin clumsy: tool_invoke: boom with [redacted]"},
			{"trap", "ERROR", "tool_invoke failed: plugin clumsy: tool_invoke trapped: trapped"},
			{"babble", "ERROR", "the answer of tool_invoke: content: "},
			{"refused", "WARN", `tool_invoke: kv_put was refused: plugin clumsy: permission kv is not granted: add "kv": {`},
			{"carry on", "WARN", `emit_publish was refused: plugin clumsy: permission emit is not granted: add "emit": {`},
			{"not_found", "", ""}, {"rate_limited", "", ""}, {"invalid", "", ""}, {"unavailable", "", ""}, {"forbidden", "", ""},
		} {
			before := len(linesOf(t, k, "clumsy"))
			_ = l.Call(t.Context(), "plugins.call", plugin.CallParams{ID: "clumsy", Tool: "clumsy", Args: wit.JSON(`{"do":"` + c.do + `"}`)}, nil)
			said := linesOf(t, k, "clumsy")[before:]
			if c.want == "" && len(said) > 0 || c.want != "" && (len(said) != 1 || !hasAll(said[0], []string{"[" + c.level + "]", "plugin.clumsy: ", c.want})) {
				t.Errorf("%s: %q, want a line with %q", c.do, said, c.want)
			}
		}
	})
}

// TestAFailingPluginDoesNotFloodTheLog: it is heard of, then seldom, and how much was left out is said.
func TestAFailingPluginDoesNotFloodTheLog(t *testing.T) {
	t.Parallel()
	bystander := kerneltest.Tool("bystander", func(context.Context, *wit.ToolInvocation) (*wit.ToolOutput, error) {
		return nil, errors.New("as well")
	})
	synctest.Test(t, func(t *testing.T) {
		k := kerneltest.Start(t, kerneltest.Plugin(clumsy()), kerneltest.Plugin(bystander))
		l := k.Listen()
		fail := func(id, do string) {
			if err := l.Call(t.Context(), "plugins.call", plugin.CallParams{ID: id, Tool: id, Args: wit.JSON(`{"do":"` + do + `"}`)}, nil); err == nil {
				t.Fatalf("%s %s does not fail", id, do)
			}
		}
		of := func(id string) []string { return linesOf(t, k, id) }
		for range 100 {
			for _, do := range []string{"throw", "trap", "babble", "refused"} {
				fail("clumsy", do)
			}
		}
		if n := len(of("clumsy")); n < 5 || n > 30 {
			t.Errorf("400 failures are %d lines", n)
		}
		if fail("bystander", ""); len(of("bystander")) != 1 {
			t.Errorf("another plugin's failure is %q", of("bystander"))
		}
		time.Sleep(time.Minute)
		before := len(of("clumsy"))
		fail("clumsy", "throw")
		if said := of("clumsy")[before:]; len(said) != 2 || !strings.Contains(said[0], "errors left out") || !strings.Contains(said[1], "boom") {
			t.Errorf("a minute later the log says %q", said)
		}
	})
}
