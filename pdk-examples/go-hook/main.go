// Command go-hook is a plugin with a hook that changes messages before they are sent.
package main

import (
	"strings"

	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/hook"
	"github.com/carapace-gateway/carapace/sdk/go/json"
	"github.com/carapace-gateway/carapace/wit"
)

var plain = strings.NewReplacer("utilize", "use", "in order to", "to", "prior to", "before")

type words struct{}

// Handle is called for the hooks that the manifest names: here, for one.
func (words) Handle(_ *sdk.Host, event *wit.HookEvent) (*wit.HookDecision, error) {
	var message wit.MessageSending
	if err := wit.Unmarshal(event.Event, &message); err != nil {
		return nil, err
	}
	text := plain.Replace(message.Text)
	if text == message.Text {
		return nil, nil // lets it pass
	}
	return &wit.HookDecision{Modify: json.Object{}.Text("text", text).JSON()}, nil
}

func init() { hook.Register("go-hook", words{}) }

func main() {}
