package ntfy

import (
	"github.com/carapace-gateway/carapace/sdk/go"
	"github.com/carapace-gateway/carapace/sdk/go/channel/account"
	"github.com/carapace-gateway/carapace/wit"
)

// answer is what handling one event comes to, while it is being put together. The kernel commits the whole and then acts
// on it.
type answer struct {
	account.Turn[settings, state]
}

// newAnswer reads what the event brings. The error is invalid.
func newAnswer(host *sdk.Host, event *wit.ChannelEvent) (*answer, error) {
	read := func(config wit.JSON) (settings, error) { return readSettings(host, event.Account, config) }
	t, err := account.Begin(host, event, read, readState, (*state).json)
	if err != nil {
		return nil, err
	}
	return &answer{Turn: t}, nil
}
