// Command several is a plugin of several kinds at once, for the kernel's tests.
package main

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/hook"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
	"github.com/carapace-gateway/carapace/sdk/go/webhook"
	"github.com/carapace-gateway/carapace/wit"
)

// version is set at link time, so that one source makes several versions.
var version = "v0"

func init() {
	tool.Register("several", asked{})
	hook.Register("several", watching{})
	webhook.Register("several", called{})
}

func main() {}

// asked is the tool: it says what the others have kept.
type asked struct{}

func (asked) Invoke(host *sdk.Host, _ *wit.ToolInvocation) (*wit.ToolOutput, error) {
	keys, err := host.KVKeys("", 0)
	return tool.Text(version + " " + strings.Join(keys, " ")), err
}

// watching is the hook: it keeps that somebody has asked.
type watching struct{}

func (watching) Handle(host *sdk.Host, _ *wit.HookEvent) (*wit.HookDecision, error) {
	return nil, host.KVPut("hooked", "x", 0)
}

// called is the webhook: it says its version and what came.
type called struct{}

func (called) Handle(host *sdk.Host, call *wit.WebhookCall) (*wit.WebhookReply, error) {
	text := ""
	if call.Request.Text != nil {
		text = *call.Request.Text
	}
	switch text {
	case "trap":
		panic("on purpose")
	case "keep":
		return webhook.Text(200, version), host.KVPut("called", "x", 0)
	}
	return webhook.Text(200, version+" "+text), nil
}
