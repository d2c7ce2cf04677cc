// Command several is a plugin of several kinds at once, for the kernel's tests.
package main

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/hook"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/sdk/go/service"
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
	service.Register("several", new(working))
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
	case "trap the service":
		return webhook.Text(200, version), host.KVPut("trap", "x", 0)
	case "trap":
		panic("on purpose")
	case "keep":
		return webhook.Text(200, version), host.KVPut("called", "x", 0)
	}
	return webhook.Text(200, version+" "+text), nil
}

// working is the service: it counts its ticks in memory, and tells of its life and of each third tick.
type working struct{ ticks int }

func (w *working) tell(host *sdk.Host, words string) error {
	return host.Emit("service", json.Object{}.Text("is", words+" "+version).JSON())
}

func (w *working) Start(host *sdk.Host, _ *wit.ServiceStart) (*wit.Done, error) {
	if version == "broken" {
		return nil, wit.NewError(wit.CodeInvalid, "this version is broken")
	}
	return nil, w.tell(host, "started")
}

func (w *working) Stop(host *sdk.Host, stop *wit.ServiceStop) (*wit.Done, error) {
	if err := host.KVPut("stopped:"+version+":"+string(stop.Cause), "x", 0); err != nil {
		return nil, err
	}
	return nil, w.tell(host, "stopped")
}

func (w *working) Health(*sdk.Host, *wit.ServiceMoment) (*wit.ServiceHealth, error) {
	return service.Well("counting"), nil
}

func (w *working) Tick(host *sdk.Host, _ *wit.ServiceMoment) (*wit.Done, error) {
	if _, found, _ := host.KVGet("trap"); found {
		_ = host.KVDelete("trap")
		panic("the service traps")
	}
	if w.ticks++; w.ticks%3 == 0 {
		return nil, w.tell(host, "ticked")
	}
	return nil, nil
}
