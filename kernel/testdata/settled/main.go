//go:build wasip1

// Command settled is a tool and a channel that tell what they get as their configuration, for the kernel's tests.
package main

import (
	pdk "github.com/extism/go-pdk"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel"
	"github.com/carapace-gateway/carapace/sdk/go/tool"
	"github.com/carapace-gateway/carapace/wit"
)

func init() {
	tool.Register("settled-tool", asked{})
	channel.Register("settled-channel", connected{})
}

func main() {}

type asked struct{}

func (asked) Invoke(host *sdk.Host, call *wit.ToolInvocation) (*wit.ToolOutput, error) {
	section, err := host.Config()
	told := string(call.Config) + "\n" + string(section)
	for _, field := range [...]string{"place", "most", "token"} { // as plugins that were written for other hosts ask
		value, found := pdk.GetConfig(field)
		if found {
			told += "\n" + field + " is " + value
		}
	}
	return tool.Text(told), err
}

type connected struct{}

func (connected) Event(host *sdk.Host, event *wit.ChannelEvent) (*wit.ChannelAnswer, error) {
	section, err := host.AccountConfig(event.Account)
	message := string(event.Config) + "\n" + string(section)
	return &wit.ChannelAnswer{Status: &wit.AccountStatus{State: wit.ConnectionStateConnected, Message: &message}}, err
}

func (connected) Send(*sdk.Host, *wit.ChannelSend) (*wit.Sent, error) { return &wit.Sent{}, nil }
